#include "base/chunk_info.h"

#include <gtest/gtest.h>

namespace carillon {
namespace {

Commit GoodCommit() {
  Commit commit{.bucket = "events", .epoch = Epoch(100), .dc = "ams"};
  for (std::uint64_t number = 0; number < 3; ++number) {
    commit.chunks.push_back({.key = {.epoch = Epoch(100),
                                     .dc = "ams",
                                     .cell = "cell0",
                                     .type = "WEB",
                                     .subtype = number == 0 ? "" : "app",
                                     .number = number << 32},
                             .events = 7 * number,
                             .raw_bytes = 1'000'000 * number,
                             .value_bytes = static_cast<std::uint32_t>(512'000 * number),
                             .value_crc = 0xdeadbeef});
  }
  commit.seal = Seal{.writer = 3, .epoch = Epoch(99)};
  return commit;
}

Commit Empty() {
  return {.bucket = "events", .epoch = Epoch(100), .dc = "ams"};
}

template <typename Change>
std::string ErrorAfter(Change change) {
  Commit commit = GoodCommit();
  change(&commit);
  return std::string(Message(Validate(commit)));
}

TEST(CommitTest, AGoodOneIsAccepted) {
  EXPECT_TRUE(Validate(GoodCommit()).ok());
}

TEST(CommitTest, NamesWhatIsWrong) {
  EXPECT_EQ(ErrorAfter([](Commit* commit) { commit->bucket = ""; }), "bucket is empty");
  EXPECT_EQ(ErrorAfter([](Commit* commit) { commit->dc = ""; }), "dc is empty");
  EXPECT_TRUE(ErrorAfter([](Commit* commit) {
                commit->epoch = Epoch(kMaxEpoch + 1);
              }).starts_with("epoch"));
  EXPECT_TRUE(ErrorAfter([](Commit* commit) {
                commit->seal->epoch = Epoch(kMaxEpoch + 1);
              }).starts_with("seal epoch"));
  EXPECT_EQ(ErrorAfter([](Commit* commit) { commit->chunks[1].key.type = ""; }), "type is empty");
}

TEST(CommitTest, RefusesAChunkOfAnotherSecond) {
  const std::string want = "chunk 101:ams:cell0:WEB:app:chunk4294967296 is not of second 100-ams";
  EXPECT_EQ(ErrorAfter([](Commit* commit) { commit->chunks[1].key.epoch = Epoch(101); }), want);
  EXPECT_NE(ErrorAfter([](Commit* commit) { commit->chunks[1].key.dc = "sin"; }), "");
}

TEST(CommitTest, MaySayOnlyASealButNotNothing) {
  Commit commit = Empty();
  EXPECT_FALSE(Validate(commit).ok());
  commit.seal = Seal{};
  EXPECT_TRUE(Validate(commit).ok());
}

TEST(CommitTest, HoldsAtMost4096Chunks) {
  Commit commit = GoodCommit();
  commit.chunks.resize(kMaxChunksPerCommit, commit.chunks[0]);
  EXPECT_TRUE(Validate(commit).ok());
  commit.chunks.push_back(commit.chunks[0]);
  EXPECT_FALSE(Validate(commit).ok());
}

TEST(CommitValueTest, DecodesWhatItEncodes) {
  Commit decoded = Empty();
  ASSERT_TRUE(DecodeCommitValue(EncodeCommitValue(GoodCommit()), &decoded).ok());
  EXPECT_EQ(decoded, GoodCommit());
}

TEST(CommitValueTest, WorksWithoutASeal) {
  Commit commit = GoodCommit();
  commit.seal.reset();
  Commit decoded = Empty();
  ASSERT_TRUE(DecodeCommitValue(EncodeCommitValue(commit), &decoded).ok());
  EXPECT_EQ(decoded, commit);
}

TEST(CommitValueTest, RefusesEveryTruncationAndATail) {
  const Bytes value = EncodeCommitValue(GoodCommit());
  for (std::size_t size = 0; size < value.size(); ++size) {
    Commit decoded = Empty();
    EXPECT_EQ(DecodeCommitValue(ByteSpan(value).substr(0, size), &decoded).code(),
              StatusCode::kDataLoss);
  }
  Commit decoded = Empty();
  EXPECT_EQ(DecodeCommitValue(value + '\0', &decoded).code(), StatusCode::kDataLoss);
}

TEST(CommitValueTest, RefusesMoreChunksThanACommitHolds) {
  Commit commit = GoodCommit();
  commit.chunks.resize(kMaxChunksPerCommit + 1, commit.chunks[0]);
  Commit decoded = Empty();
  EXPECT_EQ(DecodeCommitValue(EncodeCommitValue(commit), &decoded).code(), StatusCode::kDataLoss);
}

TEST(CommitValueTest, NoFlippedBitMakesItReadTooMuchOrNameABadChunk) {
  const Bytes value = EncodeCommitValue(GoodCommit());
  for (std::size_t bit = 0; bit < value.size() * 8; ++bit) {
    Bytes damaged = value;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
    Commit decoded = Empty();
    if (DecodeCommitValue(damaged, &decoded).ok()) {
      EXPECT_TRUE(Validate(decoded).ok());
    }
  }
}

}  // namespace
}  // namespace carillon
