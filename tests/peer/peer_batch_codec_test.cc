#include "server/node/peer_batch_codec.h"

#include <gtest/gtest.h>

#include "base/coding.h"

namespace carillon {
namespace {

std::vector<Rope> PartsOf(const std::vector<std::string>& texts) {
  std::vector<Rope> parts;
  for (const std::string& text : texts) parts.emplace_back(Bytes(text));
  return parts;
}

// The same bytes in pieces of `size`.
Rope InPieces(const Rope& rope, std::size_t size) {
  const Bytes bytes = rope.Flatten();
  Rope pieces;
  for (std::size_t at = 0; at < bytes.size(); at += size) {
    pieces.Append(SharedBytes(bytes.substr(at, size)));
  }
  return pieces;
}

TEST(PeerBatchCodecTest, PartsComeBackHoweverTheirBytesArePieced) {
  const std::vector<std::string> texts = {"one", "", "a longer part", "x"};
  const Rope batch = EncodePeerBatch(PartsOf(texts));
  for (std::size_t size = 1; size <= batch.size(); ++size) {
    const auto parts = DecodePeerBatch(InPieces(batch, size));
    ASSERT_TRUE(parts.ok()) << parts.status();
    ASSERT_EQ(parts->size(), texts.size());
    for (std::size_t i = 0; i < texts.size(); ++i) EXPECT_EQ((*parts)[i].Flatten(), texts[i]);
  }
}

TEST(PeerBatchCodecTest, WhatIsCutShortOrTooLongIsRefused) {
  const Bytes whole = EncodePeerBatch(PartsOf({"one", "two"})).Flatten();
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_EQ(DecodePeerBatch(Rope(whole.substr(0, size))).status().code(), StatusCode::kDataLoss);
  }
  EXPECT_FALSE(DecodePeerBatch(Rope(whole + "x")).ok());
}

TEST(PeerBatchCodecTest, TooManyPartsAreRefusedBeforeAnythingIsMadeOfThem) {
  Bytes head;
  PutFixed(&head, std::uint32_t{0xffffffff});
  EXPECT_EQ(DecodePeerBatch(Rope(std::move(head))).status().code(), StatusCode::kDataLoss);
}

}  // namespace
}  // namespace carillon
