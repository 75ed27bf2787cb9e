// Space: a disk that fills up and empties again, the watermark, holes; and damage that is repaired.
// On the simulated machine, where disks are small and break when they are told to.
#include <gtest/gtest.h>

#include "storage/segment_format.h"
#include "tests/sim/support/quiet_log.h"
#include "tests/storage/store_fixture.h"

namespace carillon {
namespace {

class StoreSpaceTest : public StoreFixture {
 protected:
  static void SetUpTestSuite() { QuietLog(); }

  // A disk of `bytes` for the store alone.
  void OpenOn(std::uint64_t bytes) {
    disk_.SetCapacity("/srv", bytes);
    options_.min_free = 0.05;
    Open();
  }
  // Puts chunks of 10,000 bytes until one is refused; returns how many were taken.
  std::uint64_t Fill() {
    for (std::uint64_t n = 0; n < 10'000; ++n) {
      const WriteOutcome outcome = Put(Filling(n));
      if (outcome.status.ok()) continue;
      EXPECT_EQ(outcome.status.code(), StatusCode::kResourceExhausted);
      return n;
    }
    return 10'000;
  }
  static ChunkWrite Filling(std::uint64_t n) {
    return TestChunk(n, Bytes(10'000, static_cast<char>(n)), Epoch(kTestNow + n));
  }
  std::uint64_t FreeBytes() { return disk_.Space("/srv")->free_bytes; }
  std::string FirstSegment() const { return SegmentsOf(0) + "/" + SegmentFileName(SegmentId(1)); }
};
INSTANTIATE_TEST_SUITE_P(, StoreSpaceTest, testing::Values(Ground::kSimulated), GroundName);

TEST_P(StoreSpaceTest, AFullDiskRefusesNewDataAndKeepsReading) {
  OpenOn(2 << 20);
  const std::uint64_t taken = Fill();
  EXPECT_GT(taken, 100u);
  EXPECT_TRUE(store_->stats().disk_full);
  for (std::uint64_t n = 0; n < taken; ++n) {
    EXPECT_EQ(Read(Filling(n)), Filling(n).value.Flatten());
  }
  EXPECT_EQ(ReadCode(Filling(taken)), StatusCode::kNotFound);
}

TEST_P(StoreSpaceTest, WithUpkeepItRefusesAtFivePercentFree) {
  OpenOn(4 << 20);
  std::uint64_t n = 0;
  while (Put(Filling(n)).status.ok() && n < 1000) {
    ++n;
    store_->Maintain(0);
  }
  EXPECT_GT(FreeBytes(), (4u << 20) / 100 * 2) << "refused only when nothing was left";
  EXPECT_LE(FreeBytes(), (4u << 20) / 100 * 5);
}

TEST_P(StoreSpaceTest, ARepeatedPutIsOkOnAFullDisk) {
  OpenOn(2 << 20);
  ASSERT_GT(Fill(), 0u);
  EXPECT_TRUE(Put(Filling(0)).already_stored);
  EXPECT_TRUE(Put(Filling(0)).status.ok());
}

TEST_P(StoreSpaceTest, ARepeatInOneBatchIsNotAcknowledgedWhenTheDiskIsFull) {
  OpenOn(2 << 20);
  const std::uint64_t taken = Fill();
  std::vector<WriteRequest> requests(2);
  requests[0].chunk = requests[1].chunk = Filling(taken);
  for (const WriteOutcome& outcome : store_->Write(0, requests)) {
    EXPECT_EQ(outcome.status.code(), StatusCode::kResourceExhausted);
  }
  requests[0] = requests[1] = WriteRequest();
  requests[0].commit = requests[1].commit = TestCommit({Filling(0)});
  for (const WriteOutcome& outcome : store_->Write(0, requests)) {
    EXPECT_EQ(outcome.status.code(), StatusCode::kResourceExhausted);
  }
}

TEST_P(StoreSpaceTest, ItTakesDataAgainWhenThereIsSpaceWithoutARestart) {
  OpenOn(2 << 20);
  const std::uint64_t taken = Fill();
  disk_.SetCapacity("/srv", 8 << 20);
  store_->Maintain(0);
  EXPECT_FALSE(store_->stats().disk_full);
  EXPECT_TRUE(Put(Filling(taken)).status.ok());
}

TEST_P(StoreSpaceTest, TheBallastIsLetGoAndComesBack) {
  options_.ballast_bytes = 1 << 20;
  OpenOn(4 << 20);
  const std::string ballast = options_.directories[0] + "/ballast";
  ASSERT_TRUE(disk_.Exists(ballast));
  EXPECT_LE(disk_.AllocatedBytes(ballast), (4u << 20) / 100 + 4096);
  options_.min_free = 0;
  Open();
  ASSERT_GT(Fill(), 0u);
  EXPECT_FALSE(disk_.Exists(ballast));
  disk_.SetCapacity("/srv", 16 << 20);
  store_->Maintain(0);
  EXPECT_TRUE(disk_.Exists(ballast));
}

TEST_P(StoreSpaceTest, WhatWasAcknowledgedOnAFullDiskSurvivesACrash) {
  OpenOn(2 << 20);
  const std::uint64_t taken = Fill();
  Random random(1);
  store_.reset();
  disk_.Crash(CrashManner::kKeepNothing, &random);
  Open();
  for (std::uint64_t n = 0; n < taken; ++n) EXPECT_EQ(ReadCode(Filling(n)), StatusCode::kOk);
}

TEST_P(StoreSpaceTest, ANewStoreOnAFullDiskSaysSo) {
  disk_.SetCapacity("/srv", 0);
  EXPECT_EQ(Store::Open(options_).status().code(), StatusCode::kResourceExhausted);
}

TEST_P(StoreSpaceTest, AboveTheWatermarkTheOldestSegmentsGoFirst) {
  options_.watermark_free = 0.5;
  OpenOn(2 << 20);
  const std::uint64_t taken = Fill();
  store_->Maintain(0);
  EXPECT_GE(FreeBytes(), 1u << 20);
  EXPECT_GT(store_->stats().segments_dropped_for_space, 0u);
  bool seen = false;
  for (std::uint64_t n = 0; n < taken; ++n) {
    const bool kept = ReadCode(Filling(n)) == StatusCode::kOk;
    EXPECT_TRUE(kept || !seen) << "an older chunk was kept, a newer one dropped: " << n;
    seen = seen || kept;
  }
  EXPECT_TRUE(seen);
  EXPECT_EQ(ReadCode(Filling(0)), StatusCode::kNotFound);
  store_->Maintain(0);  // looks at the disk again
  EXPECT_TRUE(Put(Filling(0)).status.ok());
}

TEST_P(StoreSpaceTest, ADroppedPartitionGivesItsBlocksBackAtOnce) {
  OpenOn(8 << 20);
  std::uint64_t of_partition = 0;
  const PartitionId dropped = Filling(0).placement.partition;
  for (std::uint64_t n = 0; n < 100; ++n) {
    const ChunkWrite chunk = TestChunk(n, Bytes(40'000, 'v'), Epoch(kTestNow + n));
    ASSERT_TRUE(Put(chunk).status.ok());
    of_partition += chunk.placement.partition == dropped ? 40'000 : 0;
  }
  const std::uint64_t before = FreeBytes();
  ASSERT_TRUE(store_->DropPartition(dropped).ok());
  EXPECT_GE(FreeBytes(), before + of_partition * 3 / 4);
  EXPECT_EQ(store_->stats().records_quarantined, 0u);
  ASSERT_TRUE(store_->Scrub(0, 1 << 30).ok());
  EXPECT_EQ(store_->stats().records_quarantined, 0u) << "holes are not damage";
}

TEST_P(StoreSpaceTest, ADamagedChunkIsDataLossAndCountedUntilItIsWrittenAgain) {
  OpenOn(8 << 20);
  const ChunkWrite chunk = TestChunk(1, Bytes(500, 'v'));
  ASSERT_TRUE(Put(chunk).status.ok());
  ASSERT_TRUE(Put(TestChunk(2, "neighbour")).status.ok());
  const std::size_t at = disk_.Content(FirstSegment()).find(Bytes(500, 'v'));
  disk_.FlipBit(FirstSegment(), (at + 100) * 8);
  EXPECT_EQ(ReadCode(chunk), StatusCode::kDataLoss);
  EXPECT_EQ(Read(TestChunk(2, "")), "neighbour");
  EXPECT_EQ(store_->stats().records_quarantined, 1u);
  EXPECT_FALSE((*store_->StatChunks({carillon::RefOf(chunk)}))[0].has_value());
  const Digest before = *store_->ReadDigest(chunk.placement.partition, "events", kTestNow / 3600);
  const WriteOutcome repair = Put(chunk);
  EXPECT_TRUE(repair.status.ok());
  EXPECT_FALSE(repair.already_stored);
  EXPECT_EQ(Read(chunk), Bytes(500, 'v'));
  EXPECT_EQ(store_->stats().records_quarantined, 0u);
  EXPECT_EQ(store_->stats().records_repaired, 1u);
  EXPECT_EQ(*store_->ReadDigest(chunk.placement.partition, "events", kTestNow / 3600), before);
  Open();
  EXPECT_EQ(Read(chunk), Bytes(500, 'v'));
}

TEST_P(StoreSpaceTest, ARepairWithOtherBytesIsRefused) {
  OpenOn(8 << 20);
  const ChunkWrite chunk = TestChunk(1, Bytes(500, 'v'));
  ASSERT_TRUE(Put(chunk).status.ok());
  disk_.FlipBit(FirstSegment(), disk_.Content(FirstSegment()).find(Bytes(500, 'v')) * 8);
  ASSERT_EQ(ReadCode(chunk), StatusCode::kDataLoss);
  EXPECT_EQ(Put(TestChunk(1, Bytes(500, 'w'))).status.code(), StatusCode::kAlreadyExists);
}

TEST_P(StoreSpaceTest, TheScrubFindsDamageThatNobodyRead) {
  OpenOn(8 << 20);
  for (std::uint64_t n = 0; n < 30; ++n) {
    ASSERT_TRUE(Put(TestChunk(n, Bytes(5000, static_cast<char>('a' + n)))).status.ok());
  }
  const std::size_t at = disk_.Content(FirstSegment()).find(Bytes(5000, 'd'));
  disk_.FlipBit(FirstSegment(), (at + 4000) * 8);
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(store_->Scrub(0, 10'000).ok());
  EXPECT_EQ(store_->stats().records_quarantined, 1u);
  EXPECT_FALSE((*store_->StatChunks({carillon::RefOf(TestChunk(3, ""))}))[0].has_value());
}

TEST_P(StoreSpaceTest, DamageThatWasFoundIsKnownAfterARestart) {
  OpenOn(8 << 20);
  const ChunkWrite chunk = TestChunk(1, Bytes(500, 'v'));
  ASSERT_TRUE(Put(chunk).status.ok());
  disk_.FlipBit(FirstSegment(), disk_.Content(FirstSegment()).find(Bytes(500, 'v')) * 8);
  ASSERT_EQ(ReadCode(chunk), StatusCode::kDataLoss);
  store_->Maintain(0);
  Reopen();
  EXPECT_EQ(store_->stats().records_quarantined, 1u);
  EXPECT_TRUE(Put(chunk).status.ok());
  EXPECT_EQ(Read(chunk), Bytes(500, 'v'));
}

TEST_P(StoreSpaceTest, AMissingSegmentIsCountedAndItsChunksAreDataLossAndRepairable) {
  OpenOn(8 << 20);
  for (std::uint64_t n = 0; n < 30; ++n)
    ASSERT_TRUE(Put(TestChunk(n, Bytes(5000, 'v'))).status.ok());
  ASSERT_TRUE(store_->Close().ok());
  store_.reset();
  disk_.Lose(FirstSegment());
  Open();
  EXPECT_EQ(store_->stats().segments_missing, 1u);
  EXPECT_EQ(ReadCode(TestChunk(0, "")), StatusCode::kDataLoss);
  EXPECT_EQ(ReadCode(TestChunk(29, "")), StatusCode::kOk);
  EXPECT_TRUE(Put(TestChunk(0, Bytes(5000, 'v'))).status.ok());
  EXPECT_EQ(Read(TestChunk(0, "")), Bytes(5000, 'v'));
}

TEST_P(StoreSpaceTest, AReadThatFailsIsDataLossForItsChunkAlone) {
  OpenOn(8 << 20);
  ASSERT_TRUE(Put(TestChunk(1, Bytes(9000, 'v'))).status.ok());
  ASSERT_TRUE(Put(TestChunk(2, Bytes(9000, 'w'))).status.ok());
  disk_.FailReads(FirstSegment(), 8000, 8001);
  EXPECT_EQ(ReadCode(TestChunk(1, "")), StatusCode::kDataLoss);
  EXPECT_EQ(Read(TestChunk(2, "")), Bytes(9000, 'w'));
}

TEST_P(StoreSpaceTest, SyncIntervalIsDurableAfterUpkeep) {
  OpenOn(8 << 20);
  ChunkWrite chunk = TestChunk(1, "value");
  chunk.sync = SyncMode::kInterval;
  ASSERT_TRUE(Put(chunk).status.ok());
  store_->Maintain(0);
  store_.reset();
  disk_.Crash(CrashManner::kKeepNothing, nullptr);
  Open();
  EXPECT_EQ(Read(chunk), "value");
}

TEST_P(StoreSpaceTest, AChunkPutWithoutSyncAndAgainWithSyncIsDurable) {
  OpenOn(8 << 20);
  ChunkWrite chunk = TestChunk(1, "value");
  chunk.sync = SyncMode::kOs;
  ASSERT_TRUE(Put(chunk).status.ok());
  chunk.sync = SyncMode::kAlways;
  ASSERT_TRUE(Put(chunk).status.ok());
  store_.reset();
  disk_.Crash(CrashManner::kKeepNothing, nullptr);
  Open();
  EXPECT_EQ(Read(chunk), "value");
}

// The index may be flushed ahead of a log that nobody synced: what it names and the crash took must
// not count as stored when it is put again.
TEST_P(StoreSpaceTest, AChunkThatACrashTookCanBePutAgain) {
  OpenOn(8 << 20);
  options_.flush_log_bytes = 1;
  Open();
  ChunkWrite chunk = TestChunk(1, Bytes(3000, 'v'));
  chunk.sync = SyncMode::kOs;
  ASSERT_TRUE(Put(chunk).status.ok());
  Random random(1);
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    store_.reset();
    disk_.Crash(CrashManner::kKeepSome, &random);
    Open();
    ChunkWrite again = chunk;
    again.sync = SyncMode::kAlways;
    ASSERT_TRUE(Put(again).status.ok());
    EXPECT_EQ(Read(chunk), Bytes(3000, 'v'));
    chunk = TestChunk(2 + seed, Bytes(3000, 'v'));
    chunk.sync = SyncMode::kOs;
    ASSERT_TRUE(Put(chunk).status.ok());
  }
}

}  // namespace
}  // namespace carillon
