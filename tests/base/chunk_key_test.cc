#include "base/chunk_key.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace carillon {
namespace {

ChunkKey GoodKey() {
  return {.epoch = Epoch(1428415043),
          .dc = "1",
          .cell = "cell0",
          .type = "WEB",
          .subtype = "app",
          .number = 0};
}

rc::Gen<std::string> NameGen(std::size_t min_size) {
  static const std::string kCharacters =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";
  return rc::gen::mapcat(rc::gen::inRange<std::size_t>(min_size, 41), [](std::size_t size) {
    return rc::gen::container<std::string>(size, rc::gen::elementOf(kCharacters));
  });
}

void ExpectRefused(std::string_view text, std::string_view field) {
  const auto key = ParseChunkKey(text);
  ASSERT_EQ(key.status().code(), StatusCode::kInvalidArgument) << text;
  EXPECT_TRUE(Message(key.status()).starts_with(field)) << Message(key.status());
}

TEST(ChunkKeyTest, ParsesTheKeysOfTheDesign) {
  const auto key = ParseChunkKey("1428415043:1:cell0:WEB:app:chunk0");
  ASSERT_TRUE(key.ok());
  EXPECT_EQ(*key, GoodKey());
  const auto without_subtype = ParseChunkKey("1428415043:4:cell0:EMK::chunk3");
  ASSERT_TRUE(without_subtype.ok());
  EXPECT_EQ(without_subtype->subtype, "");
  EXPECT_EQ(without_subtype->number, 3u);
}

RC_GTEST_PROP(ChunkKeyTest, ParsesWhatItPrints, ()) {
  const ChunkKey key{.epoch = Epoch(*rc::gen::inRange<std::uint64_t>(0, kMaxEpoch + 1)),
                     .dc = *NameGen(1),
                     .cell = *NameGen(1),
                     .type = *NameGen(1),
                     .subtype = *NameGen(0),
                     .number = *rc::gen::arbitrary<std::uint64_t>() & kMaxChunkNumber};
  RC_ASSERT(Validate(key).ok());
  const auto parsed = ParseChunkKey(ToString(key));
  RC_ASSERT(parsed.ok());
  RC_ASSERT(*parsed == key);
}

RC_GTEST_PROP(ChunkKeyTest, WhateverItAcceptsIsCanonical, (std::string text)) {
  const auto parsed = ParseChunkKey(text);
  if (parsed.ok()) RC_ASSERT(ToString(*parsed) == text);
}

TEST(ChunkKeyTest, EveryOneByteChangeIsRefusedOrIsTheOnlyTextOfItsKey) {
  const std::string text = ToString(GoodKey());
  for (std::size_t at = 0; at < text.size(); ++at) {
    for (int byte = 0; byte < 256; ++byte) {
      std::string changed = text;
      changed[at] = static_cast<char>(byte);
      const auto parsed = ParseChunkKey(changed);
      if (parsed.ok()) {
        EXPECT_EQ(ToString(*parsed), changed);
      }
    }
  }
}

TEST(ChunkKeyTest, NamesTheFieldOfABadEpoch) {
  for (const char* epoch : {"", "-1", "+1", " 1", "01", "1.5", "x", "0x10", "1e9", "1099511627776",
                            "18446744073709551616"}) {
    ExpectRefused(fmt::format("{}:1:c:T::chunk0", epoch), "epoch");
  }
  EXPECT_TRUE(ParseChunkKey("1099511627775:1:c:T::chunk0").ok());
  EXPECT_TRUE(ParseChunkKey("0:1:c:T::chunk0").ok());
}

TEST(ChunkKeyTest, NamesTheFieldOfABadName) {
  const std::string longest(64, 'a');
  for (const std::string& bad :
       {std::string(), longest + "a", std::string("a/b"), std::string("a b"), std::string("é"),
        std::string("a\0b", 3), std::string("a|b"), std::string("a%3A")}) {
    ExpectRefused(fmt::format("1:{}:c:T:s:chunk0", bad), "dc");
    ExpectRefused(fmt::format("1:1:{}:T:s:chunk0", bad), "cell");
    ExpectRefused(fmt::format("1:1:c:{}:s:chunk0", bad), "type");
    if (!bad.empty()) {
      ExpectRefused(fmt::format("1:1:c:T:{}:chunk0", bad), "subtype");
    }
  }
}

TEST(ChunkKeyTest, AcceptsNamesOf64Characters) {
  const std::string longest(64, 'a');
  EXPECT_TRUE(ParseChunkKey(fmt::format("1:{}:{}:{}:s:chunk0", longest, longest, longest)).ok());
}

TEST(ChunkKeyTest, NamesTheFieldOfABadNumber) {
  for (const char* chunk : {"chunk", "chunk-1", "chunk01", "chunk 1", "chunk1x", "chunk+1",
                            "chunk9223372036854775808", "chunk18446744073709551616"}) {
    ExpectRefused(fmt::format("1:1:c:T:s:{}", chunk), "chunk");
  }
  for (const char* chunk : {"", "0", "Chunk0", "chun0", "block0"}) {
    ExpectRefused(fmt::format("1:1:c:T:s:{}", chunk), "chunk");
  }
  EXPECT_TRUE(ParseChunkKey("1:1:c:T:s:chunk9223372036854775807").ok());
}

TEST(ChunkKeyTest, WantsExactlySixFields) {
  ExpectRefused("", "key");
  ExpectRefused("1:1:c:T:chunk0", "key");
  ExpectRefused("1:1:c:T:s:t:chunk0", "key");
  ExpectRefused("1:1:c:T:s:chunk0:", "key");
  ExpectRefused(std::string(300, ':'), "key");
}

TEST(ChunkKeyTest, RefusesMoreThan300BytesBeforeLookingAtThem) {
  ExpectRefused(std::string(301, ':'), "key of 301 bytes");
  ExpectRefused(std::string(300, ':'), "key ':::");
}

TEST(ChunkKeyTest, ErrorsAreShortAndPrintable) {
  const auto key = ParseChunkKey("1:\n\x1b[31m:c:T:s:chunk0");
  for (const char c : Message(key.status())) EXPECT_TRUE(c >= 0x20 && c < 0x7f);
  EXPECT_LT(Message(ParseChunkKey(std::string(300, 'x')).status()).size(), 300u);
}

TEST(ChunkKeyTest, ValidateNamesTheField) {
  const auto message = [](auto change) {
    ChunkKey key = GoodKey();
    change(&key);
    return std::string(Message(Validate(key)));
  };
  EXPECT_TRUE(Validate(GoodKey()).ok());
  EXPECT_EQ(message([](ChunkKey* key) { key->dc = ""; }), "dc is empty");
  EXPECT_EQ(message([](ChunkKey* key) { key->cell = ""; }), "cell is empty");
  EXPECT_EQ(message([](ChunkKey* key) { key->type = ""; }), "type is empty");
  EXPECT_EQ(message([](ChunkKey* key) { key->subtype = std::string(65, 'a'); }),
            "subtype of 65 characters, at most 64");
  EXPECT_TRUE(
      message([](ChunkKey* key) { key->epoch = Epoch(kMaxEpoch + 1); }).starts_with("epoch"));
  EXPECT_TRUE(message([](ChunkKey* key) {
                key->number = kMaxChunkNumber + 1;
              }).starts_with("chunk number"));
}

TEST(ChunkKeyTest, SortsByEpochFirst) {
  ChunkKey early = GoodKey(), late = GoodKey();
  late.epoch = Epoch(early.epoch.value() + 1);
  late.dc = "0";
  EXPECT_LT(early, late);
}

TEST(ChunkKeyTest, TheLongestValidKeyCanBeParsed) {
  const std::string longest(64, 'a');
  const ChunkKey key{.epoch = Epoch(kMaxEpoch),
                     .dc = longest,
                     .cell = longest,
                     .type = longest,
                     .subtype = longest,
                     .number = kMaxChunkNumber};
  ASSERT_TRUE(Validate(key).ok());
  EXPECT_LE(ToString(key).size(), kMaxChunkKeyBytes);
  EXPECT_TRUE(ParseChunkKey(ToString(key)).ok());
}

TEST(ManifestKeyTest, IsTheEpochAndTheDc) {
  EXPECT_EQ(ManifestKey(Epoch(1428415043), "1"), "1428415043-1");
}

}  // namespace
}  // namespace carillon
