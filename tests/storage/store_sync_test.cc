// What moving partitions between nodes asks of a store: what is held, digests, entries, damage, and
// drops that happen only if nothing has changed.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <future>
#include <set>

#include "storage/group_commit.h"
#include "storage/segment_format.h"
#include "tests/sim/support/quiet_log.h"
#include "tests/storage/store_fixture.h"

namespace carillon {
namespace {

constexpr std::uint64_t kHour = kTestNow / 3600;

class StoreSyncTest : public StoreFixture {
 protected:
  StoreSyncTest() { Open(); }
  static void SetUpTestSuite() { QuietLog(); }

  // The `count` first chunks that fall into one partition, that of chunk 0.
  static std::vector<ChunkWrite> OfOnePartition(std::size_t count, std::size_t bytes = 10) {
    std::vector<ChunkWrite> chunks;
    for (std::uint64_t n = 0; chunks.size() < count; ++n) {
      ChunkWrite chunk = TestChunk(n, Bytes(bytes, static_cast<char>('a' + n % 26)));
      if (chunk.placement.partition == Home()) chunks.push_back(std::move(chunk));
    }
    return chunks;
  }
  static PartitionId Home() { return TestChunk(0, "").placement.partition; }
  void PutAll(const std::vector<ChunkWrite>& chunks) {
    for (const ChunkWrite& chunk : chunks) ASSERT_TRUE(Put(chunk).status.ok());
  }

  // All entries of an hour, page by page.
  std::vector<SyncEntry> List(PartitionId partition, std::size_t page_entries = 1000,
                              std::uint64_t hour = kHour) const {
    std::vector<SyncEntry> entries;
    Bytes after;
    do {
      const auto page = store_->ListEntries(partition, "events", hour, after, page_entries);
      EXPECT_TRUE(page.ok()) << ToString(page.status());
      if (!page.ok()) break;
      EXPECT_LE(page->entries.size(), page_entries);
      EXPECT_TRUE(after.empty() || !page->entries.empty());
      entries.insert(entries.end(), page->entries.begin(), page->entries.end());
      after = page->next;
    } while (!after.empty());
    return entries;
  }
  static SyncEntry ChunkEntryOf(const ChunkWrite& write) {
    ChunkInfo info = InfoOf(write);
    info.events = info.raw_bytes = 0;
    return {.kind = SyncEntry::Kind::kChunk,
            .bucket = write.bucket,
            .info = info,
            .expire_at = write.key.epoch.value() + write.ttl_seconds};
  }
  static SyncEntry LineOf(const ChunkWrite& write) {
    return {.kind = SyncEntry::Kind::kManifest,
            .bucket = write.bucket,
            .info = InfoOf(write),
            .expire_at = write.key.epoch.value() + write.ttl_seconds};
  }
  Digest Total(PartitionId partition) const { return TotalOf(*store_->ListDigests(partition)); }

  std::string Segment(std::uint64_t id) const {
    return SegmentsOf(0) + "/" + SegmentFileName(SegmentId(id));
  }
  // As when the disk lost a file; with what the index knew, or with an index made anew.
  void LoseFirstSegment() {
    ASSERT_TRUE(store_->Close().ok());
    store_.reset();
    if (GetParam() == Ground::kSimulated) {
      disk_.Lose(Segment(1));
    } else {
      std::filesystem::remove(Segment(1));
    }
    Open();
  }
};
INSTANTIATE_TEST_SUITE_P(, StoreSyncTest, testing::Values(Ground::kSimulated, Ground::kMachine),
                         GroundName);

TEST_P(StoreSyncTest, MeasuresTheChunksOfEachPartitionThatHaveNotExpired) {
  EXPECT_TRUE(store_->Measure()->partitions.empty());
  PutAll(OfOnePartition(3, 100));
  const auto sizes = store_->Measure();
  ASSERT_TRUE(sizes.ok()) << ToString(sizes.status());
  EXPECT_EQ(sizes->partitions,
            (std::vector{PartitionSize{.partition = Home(), .chunks = 3, .bytes = 300}}));
  EXPECT_GT(sizes->free_bytes, 0u);
  ASSERT_TRUE(store_->DropPartition(Home()).ok());
  EXPECT_TRUE(store_->Measure()->partitions.empty());
}

TEST_P(StoreSyncTest, HoldsThePartitionsThatHaveAChunkOrALine) {
  EXPECT_TRUE(store_->HeldPartitions().value().empty());
  std::set<PartitionId> held;
  for (std::uint64_t n = 0; n < 3; ++n) {
    ASSERT_TRUE(Put(TestChunk(n, "v")).status.ok());
    held.insert(TestChunk(n, "v").placement.partition);
    EXPECT_EQ(store_->HeldPartitions().value(), std::vector(held.begin(), held.end()));
  }
  const CommitWrite commit = TestCommit({TestChunk(77, "v", Epoch(kTestNow + 5))});
  ASSERT_TRUE(Commit(commit).status.ok());
  held.insert(commit.placement.partition);
  Reopen();
  EXPECT_EQ(store_->HeldPartitions().value(), std::vector(held.begin(), held.end()));
  for (const PartitionId partition : held) ASSERT_TRUE(store_->DropPartition(partition).ok());
  EXPECT_TRUE(store_->HeldPartitions().value().empty());
}

TEST_P(StoreSyncTest, ListsTheDigestsThatCountSomethingByBucketThenHour) {
  ChunkWrite other = TestChunk(1, "v");
  other.bucket = "another";
  other.placement.partition = Home();
  other.placement.ring_position = TestChunk(0, "").placement.ring_position;
  ChunkWrite later = other;
  later.bucket = "events";
  later.key.epoch = Epoch(kTestNow + 7200);
  ChunkWrite now = TestChunk(0, "v");
  PutAll({later, other, now});
  const auto digests = store_->ListDigests(Home());
  ASSERT_EQ(digests->size(), 3u);
  EXPECT_EQ((*digests)[0].bucket, "another");
  EXPECT_EQ((*digests)[1].hour, kHour);
  EXPECT_EQ((*digests)[2].hour, kHour + 2);
  EXPECT_EQ((*digests)[1].digest, *store_->ReadDigest(Home(), "events", kHour));
  EXPECT_EQ(Total(Home()).count, 3u);
  EXPECT_TRUE(store_->ListDigests(PartitionId(Home().value() ^ 1))->empty());
}

TEST_P(StoreSyncTest, ListsChunksThenLinesEachInKeyOrderWhateverThePageSize) {
  std::vector<ChunkWrite> chunks = OfOnePartition(7);
  PutAll(chunks);
  CommitWrite commit = TestCommit(chunks);
  commit.placement = chunks.front().placement;  // so that all are in one partition
  ASSERT_TRUE(Commit(commit).status.ok());
  std::vector<SyncEntry> wanted;
  for (const ChunkWrite& chunk : chunks) wanted.push_back(ChunkEntryOf(chunk));
  for (const ChunkWrite& chunk : chunks) wanted.push_back(LineOf(chunk));
  for (const std::size_t page : {1, 2, 7, 13, 14, 100}) EXPECT_EQ(List(Home(), page), wanted);
  EXPECT_TRUE(List(Home(), 100, kHour + 1).empty());
  EXPECT_TRUE(List(Home(), 100, kHour - 1).empty());
}

TEST_P(StoreSyncTest, RefusesACursorThatIsNoneAndSurvivesAnyOther) {
  PutAll(OfOnePartition(3));
  EXPECT_EQ(store_->ListEntries(Home(), "events", kHour, "x", 10).status().code(),
            StatusCode::kInvalidArgument);
  EXPECT_EQ(store_->ListEntries(Home(), "events", kHour, "c", 10)->entries.size(), 3u);
  EXPECT_TRUE(store_->ListEntries(Home(), "events", kHour, "c\xff", 10)->entries.empty());
  EXPECT_TRUE(store_->ListEntries(Home(), "events", kHour, "m", 10)->entries.empty());
}

TEST_P(StoreSyncTest, ExpiredEntriesAreNotListed) {
  ChunkWrite chunk = TestChunk(0, "v");
  chunk.ttl_seconds = 3600;
  PutAll({chunk});
  clock_.Advance(3599);
  EXPECT_EQ(List(Home()).size(), 1u);
  clock_.Advance(1);
  EXPECT_TRUE(List(Home()).empty());
}

TEST_P(StoreSyncTest, EmptyDigestsGoWithTheLastSegmentThatCountedInThem) {
  ChunkWrite chunk = TestChunk(0, "v");
  chunk.ttl_seconds = 3600;
  PutAll({chunk});
  clock_.Advance(3600 + 301);
  store_->Maintain(0);  // seals
  store_->Maintain(0);  // removes
  EXPECT_EQ(store_->stats().segments_expired, 1u);
  EXPECT_TRUE(store_->ListDigests(Home())->empty());
  EXPECT_TRUE(store_->HeldPartitions().value().empty());
}

TEST_P(StoreSyncTest, WithoutDamageNothingIsDamaged) {
  PutAll(OfOnePartition(3));
  EXPECT_TRUE(store_->DamagedEntries(Home()).empty());
}

TEST_P(StoreSyncTest, WhatAMissingSegmentHeldIsDamagedNotListedAndStillCounted) {
  const std::vector<ChunkWrite> chunks = OfOnePartition(12, 9000);
  CommitWrite commit = TestCommit({chunks[0], chunks[1]});
  commit.placement = chunks[0].placement;
  ASSERT_TRUE(Commit(commit).status.ok());
  PutAll(chunks);
  const Digest before = Total(Home());
  LoseFirstSegment();
  const std::vector<SyncEntry> damaged = store_->DamagedEntries(Home());
  const std::vector<SyncEntry> held = List(Home());
  EXPECT_EQ(damaged.size() + held.size(), before.count);
  EXPECT_EQ(damaged.front(), ChunkEntryOf(chunks[0]));
  EXPECT_EQ(damaged.back(), LineOf(chunks[1]));
  for (const SyncEntry& entry : held) EXPECT_EQ(std::ranges::count(damaged, entry), 0);
  EXPECT_EQ(Total(Home()), before);
  for (std::uint16_t p = 0; p < 8; ++p) {
    if (PartitionId(p) == Home()) continue;
    EXPECT_TRUE(store_->DamagedEntries(PartitionId(p)).empty());
  }
}

TEST_P(StoreSyncTest, WritingDamagedEntriesAgainRepairsThemForGood) {
  const std::vector<ChunkWrite> chunks = OfOnePartition(12, 9000);
  CommitWrite commit = TestCommit({chunks[0], chunks[1]});
  commit.placement = chunks[0].placement;
  ASSERT_TRUE(Commit(commit).status.ok());
  PutAll(chunks);
  const Digest before = Total(Home());
  LoseFirstSegment();
  ASSERT_FALSE(store_->DamagedEntries(Home()).empty());
  PutAll(chunks);
  EXPECT_FALSE(Commit(commit).already_stored);
  for (int round = 0; round < 2; ++round) {
    EXPECT_TRUE(store_->DamagedEntries(Home()).empty());
    EXPECT_EQ(List(Home()).size(), before.count);
    EXPECT_EQ(Total(Home()), before);
    EXPECT_EQ(ScanAll().seconds.at(0).chunks.size(), 2u);
    EXPECT_TRUE(Commit(commit).already_stored);
    store_.reset();
    if (GetParam() == Ground::kSimulated) disk_.Crash(CrashManner::kKeepNothing, nullptr);
    Open();  // from the log
  }
}

TEST_P(StoreSyncTest, ADropTakesWhatMissingSegmentsHeldToo) {
  const std::vector<ChunkWrite> chunks = OfOnePartition(12, 9000);
  PutAll(chunks);
  LoseFirstSegment();
  ASSERT_TRUE(*store_->DropPartitionIf(Home(), Total(Home())));
  for (int round = 0; round < 2; ++round) {
    EXPECT_TRUE(store_->HeldPartitions().value().empty());
    EXPECT_TRUE(store_->DamagedEntries(Home()).empty());
    EXPECT_EQ(ReadCode(chunks[0]), StatusCode::kNotFound);
    Open();
  }
}

TEST_P(StoreSyncTest, DropsOnlyWhatIsStillTheSame) {
  const std::vector<ChunkWrite> chunks = OfOnePartition(3);
  PutAll({chunks[0], chunks[1]});
  const Digest seen = Total(Home());
  PutAll({chunks[2]});
  EXPECT_FALSE(*store_->DropPartitionIf(Home(), seen));
  EXPECT_EQ(List(Home()).size(), 3u);
  EXPECT_TRUE(*store_->DropPartitionIf(Home(), Total(Home())));
  EXPECT_TRUE(List(Home()).empty());
  EXPECT_TRUE(store_->ListDigests(Home())->empty());
  EXPECT_TRUE(*store_->DropPartitionIf(Home(), Digest())) << "nothing is there, as was said";
  PutAll(chunks);
  Open();
  EXPECT_EQ(List(Home()).size(), 3u);
}

// The drop is alone in its segment, which has nothing to keep it but the holes before it.
TEST_P(StoreSyncTest, AnIndexMadeAnewDoesNotBringBackWhatWasDroppedLongAgo) {
  PutAll(OfOnePartition(8, 9000));
  PutAll({TestChunk(1, "of another")});
  const auto seal = [&] {
    clock_.Advance(3601);
    for (int i = 0; i < 3; ++i) store_->Maintain(0);
  };
  seal();
  ASSERT_TRUE(store_->DropPartition(Home()).ok());
  seal();
  ASSERT_TRUE(store_->Close().ok());
  store_.reset();
  const std::string index = options_.directories[0] + "/index";
  GetParam() == Ground::kSimulated ? memory_.Lose(index) : void(std::filesystem::remove_all(index));
  Open();
  EXPECT_EQ(store_->HeldPartitions().value(), std::vector{TestChunk(1, "").placement.partition});
  EXPECT_EQ(store_->stats().records_quarantined, 0u);
}

TEST_P(StoreSyncTest, DroppedDamageIsForgotten) {
  if (GetParam() == Ground::kMachine) GTEST_SKIP() << "bits flip on the simulated machine only";
  const ChunkWrite chunk = TestChunk(0, Bytes(500, 'v'));
  const ChunkWrite other = TestChunk(1, Bytes(500, 'w'));
  PutAll({chunk, other});
  disk_.FlipBit(Segment(1), disk_.Content(Segment(1)).find(Bytes(500, 'v')) * 8);
  disk_.FlipBit(Segment(1), disk_.Content(Segment(1)).find(Bytes(500, 'w')) * 8);
  EXPECT_EQ(ReadCode(chunk), StatusCode::kDataLoss);
  EXPECT_EQ(ReadCode(other), StatusCode::kDataLoss);
  EXPECT_EQ(store_->DamagedEntries(Home()), std::vector{ChunkEntryOf(chunk)});
  EXPECT_TRUE(List(Home()).empty());
  ASSERT_TRUE(store_->DropPartition(Home()).ok());
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(store_->stats().records_quarantined, 1u) << "of the neighbour";
    EXPECT_TRUE(store_->DamagedEntries(Home()).empty());
    EXPECT_EQ(store_->DamagedEntries(other.placement.partition).size(), 1u);
    store_->Maintain(0);
    Reopen();
  }
}

// Found by a crash test (seed 3): the stretch that a crash took was quarantined, the segment given
// up, and appended to again after one more restart.
TEST_P(StoreSyncTest, ASegmentThatLostItsTailIsNeverAppendedToAgain) {
  if (GetParam() == Ground::kMachine) GTEST_SKIP() << "forgets on the simulated machine only";
  Random random(1);
  for (std::uint64_t round = 0; round < 20; ++round) {
    ChunkWrite weak = TestChunk(10 * round, Bytes(3000, 'v'));
    weak.sync = SyncMode::kOs;
    PutAll({weak});
    store_.reset();
    disk_.Crash(CrashManner::kKeepSome, &random);  // may keep the index and not the log
    Open();
    Reopen();
    for (std::uint64_t n = 10 * round + 1; n < 10 * round + 4; ++n) {
      PutAll({TestChunk(n, "new")});
      EXPECT_TRUE((*store_->StatChunks({carillon::RefOf(TestChunk(n, ""))}))[0].has_value());
      EXPECT_TRUE(Put(TestChunk(n, "new")).already_stored);
    }
  }
}

TEST_P(StoreSyncTest, ADropOfNothingWritesNothing) {
  PutAll({TestChunk(0, "v")});
  const auto size = options_.files->OpenReadable(Segment(1));
  const std::uint64_t before = *(*size)->Size();
  ASSERT_TRUE(store_->DropPartition(PartitionId(Home().value() ^ 1)).ok());
  EXPECT_EQ(*(*size)->Size(), before);
}

TEST_P(StoreSyncTest, ADropOnSeveralDisksIsOfAllOfThem) {
  const std::vector<ChunkWrite> chunks = OfOnePartition(4);
  PutAll({chunks[0], chunks[1]});
  // The partition is taken by a second disk while the first one is away.
  ASSERT_TRUE(store_->Close().ok());
  const std::string first = options_.directories[0];
  options_.directories = {first + "2"};
  Open();
  PutAll({chunks[1], chunks[2], chunks[3]});
  ASSERT_TRUE(store_->Close().ok());
  options_.directories = {first, first + "2"};
  Open();
  EXPECT_EQ(store_->HeldPartitions().value(), std::vector{Home()});
  for (const std::size_t page : {1, 2, 3, 10}) EXPECT_EQ(List(Home(), page).size(), 4u);
  EXPECT_EQ(Total(Home()).count, 5u) << "what is on two disks counts on both";
  EXPECT_FALSE(*store_->DropPartitionIf(Home(), Digest()));
  EXPECT_TRUE(*store_->DropPartitionIf(Home(), Total(Home())));
  EXPECT_TRUE(store_->HeldPartitions().value().empty());
}

TEST_P(StoreSyncTest, ADropRunsBetweenTheBatchesOfItsDisk) {
  const std::vector<ChunkWrite> chunks = OfOnePartition(200);
  GroupCommit commits(store_.get());
  std::atomic<int> acknowledged = 0;
  std::atomic<bool> dropped = false;
  std::promise<void> some_are_there;
  for (std::size_t i = 0; i < chunks.size(); ++i) {
    WriteRequest request;
    request.chunk = chunks[i];
    commits.Submit(std::move(request), [&](const WriteOutcome& outcome) {
      acknowledged += outcome.status.ok();
      if (acknowledged == 100) some_are_there.set_value();
    });
    if (i != 100) continue;
    some_are_there.get_future().wait();
    EXPECT_TRUE(commits.Run(0, [&] {
      const auto done = store_->DropPartitionIf(Home(), Total(Home()));
      dropped = done.ok() && *done;
    }));
  }
  commits.Stop();
  EXPECT_TRUE(dropped);
  EXPECT_EQ(acknowledged, 200);
  EXPECT_EQ(List(Home()).size(), Total(Home()).count);
  EXPECT_LE(List(Home()).size(), 100u);
}

TEST_P(StoreSyncTest, PunchedBytesAreCountedAndGivenBack) {
  const std::vector<ChunkWrite> chunks = OfOnePartition(8, 40'000);
  PutAll(chunks);
  PutAll({TestChunk(5, Bytes(40'000, 'n')), TestChunk(6, Bytes(40'000, 'n'))});
  ASSERT_TRUE(store_->Close().ok());
  Open();
  const auto blocks = [&] {
    std::uint64_t bytes = 0;
    const auto names = options_.files->List(SegmentsOf(0));
    for (const std::string& name : *names) {
      const std::string path = SegmentsOf(0) + "/" + name;
      struct stat found {};
      if (GetParam() == Ground::kSimulated) bytes += disk_.AllocatedBytes(path);
      if (::stat(path.c_str(), &found) == 0)
        bytes += static_cast<std::uint64_t>(found.st_blocks) * 512;
    }
    return bytes;
  };
  const std::uint64_t before = blocks();
  ASSERT_TRUE(store_->DropPartition(Home()).ok());
  const std::uint64_t punched = store_->stats().punched_bytes;
  EXPECT_GE(punched, 8u * 32'768);
  EXPECT_LE(punched, 10u * 40'000);
  EXPECT_LE(blocks() + punched, before + (64 << 10)) << "but for the segment that holds the drop";
}

}  // namespace
}  // namespace carillon
