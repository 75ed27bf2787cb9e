#include "client/commit_ledger.h"

#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace carillon {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr Epoch kFirst{100};
constexpr Epoch kSecond{101};

class CommitLedgerTest : public ::testing::Test {
 protected:
  ChunkInfo Chunk(Epoch epoch) { return {.key = ledger_.NextKey(epoch, "T", "")}; }
  void Store(RoundId round, Epoch epoch) { ledger_.HandleStored(round, Chunk(epoch), &orders_); }
  void Close(Epoch epoch, bool seal = false) { ledger_.Close(epoch, seal, &orders_); }
  std::vector<CommitOrder> Take() { return std::exchange(orders_, {}); }

  CommitLedger ledger_{{.bucket = "events", .dc = "1", .cell = "c"}, 5};
  std::vector<CommitOrder> orders_;
};

TEST_F(CommitLedgerTest, CommitsWhenTheLastChunkIsStored) {
  const RoundId round = ledger_.StartPart(kFirst);
  EXPECT_EQ(ledger_.StartPart(kFirst), round);
  Close(kFirst);
  Store(round, kFirst);
  EXPECT_THAT(orders_, IsEmpty());
  Store(round, kFirst);
  ASSERT_THAT(orders_, SizeIs(1));
  EXPECT_THAT(orders_[0].commit.chunks, SizeIs(2));
  EXPECT_EQ(orders_[0].commit.epoch, kFirst);
  EXPECT_EQ(orders_[0].commit.bucket, "events");
  EXPECT_FALSE(orders_[0].commit.seal.has_value());
}

TEST_F(CommitLedgerTest, DoesNotCommitAnOpenSecond) {
  const RoundId round = ledger_.StartPart(kFirst);
  Store(round, kFirst);
  EXPECT_THAT(orders_, IsEmpty());
  Close(kFirst);
  EXPECT_THAT(orders_, SizeIs(1));
}

TEST_F(CommitLedgerTest, WaitsForEveryChunkOfASplitPart) {
  const RoundId round = ledger_.StartPart(kFirst);
  ledger_.SplitPart(round, 3);
  Close(kFirst);
  Store(round, kFirst);
  Store(round, kFirst);
  EXPECT_THAT(orders_, IsEmpty());
  Store(round, kFirst);
  EXPECT_THAT(orders_, SizeIs(1));
}

TEST_F(CommitLedgerTest, CommitsASecondThatOpensAgainOnceMore) {
  const RoundId early = ledger_.StartPart(kFirst);
  Close(kFirst);
  const RoundId late = ledger_.StartPart(kFirst);
  EXPECT_NE(early, late);
  Close(kFirst);
  Store(late, kFirst);
  EXPECT_THAT(Take(), SizeIs(1));
  Store(early, kFirst);
  EXPECT_THAT(Take(), SizeIs(1));
}

TEST_F(CommitLedgerTest, ForgetsACommittedRound) {
  const RoundId round = ledger_.StartPart(kFirst);
  Close(kFirst);
  Store(round, kFirst);
  EXPECT_EQ(ledger_.rounds(), 1u);
  ledger_.HandleCommitted(round, &orders_);
  EXPECT_EQ(ledger_.rounds(), 0u);
}

TEST_F(CommitLedgerTest, SendsALargeSecondInSeveralCommitsWithTheSealInTheLast) {
  RoundId round;
  for (std::size_t i = 0; i < kMaxChunksPerCommit + 1; ++i) round = ledger_.StartPart(kFirst);
  for (std::size_t i = 0; i < kMaxChunksPerCommit + 1; ++i) Store(round, kFirst);
  Close(kFirst, true);
  auto first = Take();
  ASSERT_THAT(first, SizeIs(1));
  EXPECT_THAT(first[0].commit.chunks, SizeIs(kMaxChunksPerCommit));
  EXPECT_FALSE(first[0].commit.seal.has_value());
  ledger_.HandleCommitted(round, &orders_);
  const auto last = Take();
  ASSERT_THAT(last, SizeIs(1));
  EXPECT_THAT(last[0].commit.chunks, SizeIs(1));
  EXPECT_EQ(last[0].commit.seal, (Seal{.writer = 5, .epoch = kFirst}));
  EXPECT_EQ(ledger_.rounds(), 1u);
  ledger_.HandleCommitted(round, &orders_);
  EXPECT_EQ(ledger_.rounds(), 0u);
}

TEST_F(CommitLedgerTest, SealsASecondWithoutChunks) {
  Close(kFirst, true);
  ASSERT_THAT(orders_, SizeIs(1));
  EXPECT_THAT(orders_[0].commit.chunks, IsEmpty());
  EXPECT_EQ(orders_[0].commit.seal->epoch, kFirst);
}

TEST_F(CommitLedgerTest, CommitsNothingOfASecondThatHadNothing) {
  Close(kFirst, false);
  EXPECT_THAT(orders_, IsEmpty());
}

TEST_F(CommitLedgerTest, HoldsASealBackUntilAllBeforeItIsCommitted) {
  const RoundId before = ledger_.StartPart(kFirst);
  Close(kFirst);
  const RoundId after = ledger_.StartPart(Epoch(200));
  Close(kSecond, true);
  EXPECT_THAT(Take(), IsEmpty());
  Store(before, kFirst);
  EXPECT_THAT(Take(), SizeIs(1));
  ledger_.HandleCommitted(before, &orders_);
  const auto sealing = Take();
  ASSERT_THAT(sealing, SizeIs(1));
  EXPECT_EQ(sealing[0].commit.epoch, kSecond);
  EXPECT_TRUE(sealing[0].commit.seal.has_value());
  EXPECT_NE(sealing[0].round, after);
}

TEST_F(CommitLedgerTest, NumbersChunksByWriterAndSequence) {
  EXPECT_EQ(ledger_.NextKey(kFirst, "A", "x").number, (std::uint64_t{5} << 32) + 0);
  EXPECT_EQ(ledger_.NextKey(kSecond, "B", "").number, (std::uint64_t{5} << 32) + 1);
}

TEST_F(CommitLedgerTest, ChangesItsWriterOnceForAllChunksOfTheOldOne) {
  const ChunkKey one = ledger_.NextKey(kFirst, "A", "");
  const ChunkKey two = ledger_.NextKey(kFirst, "A", "");
  ledger_.ChangeWriter(one, 77);
  ledger_.ChangeWriter(two, 88);
  EXPECT_EQ(ledger_.NextKey(kFirst, "A", "").number, (std::uint64_t{77} << 32) + 2);
}

}  // namespace
}  // namespace carillon
