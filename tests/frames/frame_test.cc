#include "frames/frame.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

namespace carillon {
namespace {

constexpr std::size_t kMaxBody = 1 << 20;

Bytes FrameBytes(FrameKind kind, std::uint64_t id, const Bytes& body) {
  const FrameHeadBytes head = EncodeFrameHead(
      {.kind = kind, .id = id, .body_bytes = static_cast<std::uint32_t>(body.size())});
  return Bytes(head.data(), head.size()) + body;
}

// Gives `bytes` to the reader, at most `piece` of them at a time.
Status Feed(FrameReader* reader, ByteSpan bytes, std::size_t piece, std::vector<Frame>* frames) {
  while (!bytes.empty()) {
    std::size_t given = 0;
    for (const FrameReader::Space& space : reader->Prepare()) {
      const std::size_t size = std::min({space.size, piece - given, bytes.size()});
      if (size == 0) continue;
      std::memcpy(space.data, bytes.data(), size);
      bytes.remove_prefix(size);
      given += size;
    }
    RETURN_IF_ERROR(reader->Take(given, frames));
  }
  return OkStatus();
}

TEST(FrameTest, HeadComesBack) {
  const auto head = DecodeFrameHead([](const FrameHeadBytes& bytes) {
    return Bytes(bytes.data(), bytes.size());
  }(EncodeFrameHead({.kind = FrameKind::kReply, .id = 1ull << 60, .body_bytes = 77})));
  ASSERT_TRUE(head.ok());
  EXPECT_EQ(head->kind, FrameKind::kReply);
  EXPECT_EQ(head->id, 1ull << 60);
  EXPECT_EQ(head->body_bytes, 77u);
}

TEST(FrameTest, EveryFlippedBitOfAHeadIsNoticed) {
  const FrameHeadBytes good =
      EncodeFrameHead({.kind = FrameKind::kRequest, .id = 5, .body_bytes = 9});
  for (std::size_t bit = 0; bit < 8 * kFrameHeadBytes; ++bit) {
    Bytes bad(good.data(), good.size());
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << bit % 8));
    EXPECT_EQ(DecodeFrameHead(bad).status().code(), StatusCode::kDataLoss) << bit;
  }
}

TEST(FrameTest, RefusalKeepsItsStatus) {
  const Status status = DecodeRefusal(EncodeRefusal(ResourceExhausted("too many")));
  EXPECT_EQ(status.code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(Message(status), "too many");
  EXPECT_EQ(DecodeRefusal("").code(), StatusCode::kDataLoss);
  EXPECT_EQ(DecodeRefusal(Bytes("\0\0", 2)).code(), StatusCode::kDataLoss);  // an OK
}

TEST(FrameReaderTest, FramesComeOutHoweverTheStreamIsCut) {
  const std::vector<Bytes> bodies = {"",
                                     "a",
                                     Bytes(40'000, 'b'),
                                     Bytes(16 * 1024, 'c'),
                                     "d",
                                     Bytes(16 * 1024 - kFrameHeadBytes, 'e'),
                                     Bytes(100'000, 'f')};
  Bytes stream(FramePreamble());
  for (std::size_t i = 0; i < bodies.size(); ++i) {
    stream += FrameBytes(FrameKind::kRequest, i, bodies[i]);
  }
  for (const std::size_t piece : {1u, 7u, 20u, 1000u, 16'384u, 16'385u, 1'000'000u}) {
    FrameReader reader(kMaxBody);
    std::vector<Frame> frames;
    ASSERT_TRUE(Feed(&reader, stream, piece, &frames).ok()) << piece;
    ASSERT_EQ(frames.size(), bodies.size()) << piece;
    for (std::size_t i = 0; i < bodies.size(); ++i) {
      EXPECT_EQ(frames[i].id, i);
      EXPECT_EQ(frames[i].body.view(), bodies[i]) << piece;
    }
  }
}

TEST(FrameReaderTest, SomebodyElsesStreamIsRefused) {
  FrameReader reader(kMaxBody);
  std::vector<Frame> frames;
  EXPECT_EQ(Feed(&reader, "PRI * HTTP/2.0\r\n\r\nSM", 100, &frames).code(),
            StatusCode::kUnimplemented);
}

TEST(FrameReaderTest, AnotherVersionIsSaid) {
  Bytes preamble(FramePreamble());
  preamble[kPreambleMarkBytes] = 2;
  FrameReader reader(kMaxBody);
  std::vector<Frame> frames;
  const Status status = Feed(&reader, preamble, 100, &frames);
  EXPECT_EQ(status.code(), StatusCode::kUnimplemented);
  EXPECT_THAT(std::string(Message(status)), testing::HasSubstr("version 2"));
}

TEST(FrameReaderTest, ABodyAboveTheLimitIsRefusedBeforeMemoryIsTakenForIt) {
  FrameReader reader(1000);
  std::vector<Frame> frames;
  const FrameHeadBytes head =
      EncodeFrameHead({.kind = FrameKind::kRequest, .id = 1, .body_bytes = 0xffffffff});
  const Bytes stream = Bytes(FramePreamble()) + Bytes(head.data(), head.size());
  EXPECT_EQ(Feed(&reader, stream, 100, &frames).code(), StatusCode::kOutOfRange);
}

}  // namespace
}  // namespace carillon
