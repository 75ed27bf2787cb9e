#include "storage/store.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "tests/storage/store_fixture.h"

namespace carillon {
namespace {

class StoreTest : public StoreFixture {
 protected:
  StoreTest() { Open(); }
};
INSTANTIATE_TEST_SUITE_P(, StoreTest, testing::Values(Ground::kSimulated, Ground::kMachine),
                         GroundName);

TEST_P(StoreTest, ReadsBackWhatWasPut) {
  const ChunkWrite small = TestChunk(1, "value");
  const ChunkWrite large = TestChunk(2, Bytes(100'000, 'x'));
  const ChunkWrite empty = TestChunk(3, "");
  for (const ChunkWrite& write : {small, large, empty}) {
    const WriteOutcome outcome = Put(write);
    EXPECT_TRUE(outcome.status.ok()) << ToString(outcome.status);
    EXPECT_FALSE(outcome.already_stored);
    EXPECT_EQ(Read(write), write.value.Flatten());
  }
}

TEST_P(StoreTest, KeepsTheCrcThatTheWriterGave) {
  const ChunkWrite write = TestChunk(1, "value");
  ASSERT_TRUE(Put(write).status.ok());
  EXPECT_EQ(store_->ReadChunk(carillon::RefOf(write))->value_crc, Crc32c("value"));
}

TEST_P(StoreTest, AnUnknownChunkIsNotFound) {
  EXPECT_EQ(ReadCode(TestChunk(1, "")), StatusCode::kNotFound);
}

// Of a simulated disk nothing is known to be in memory.
TEST_P(StoreTest, WhatIsInMemoryIsReadAtOnceAndNothingElseIs) {
  const ChunkWrite write = TestChunk(1, Bytes(100'000, 'x'));
  ASSERT_TRUE(Put(write).status.ok());
  const auto chunk = store_->ReadChunkAtOnce(carillon::RefOf(write));
  ASSERT_EQ(chunk.has_value(), GetParam() == Ground::kMachine);
  if (chunk) {
    EXPECT_EQ(chunk->value.view(), write.value.Flatten());
    EXPECT_EQ(chunk->value_crc, write.value_crc);
  }
  EXPECT_FALSE(store_->ReadChunkAtOnce(carillon::RefOf(TestChunk(2, ""))));
  clock_.Advance(9 * 86400);
  EXPECT_FALSE(store_->ReadChunkAtOnce(carillon::RefOf(write))) << "it has expired";
}

TEST_P(StoreTest, TheSameKeyWithTheSameBytesIsOk) {
  ASSERT_TRUE(Put(TestChunk(1, "value")).status.ok());
  const std::uint64_t appended = store_->stats().appended_bytes;
  for (int i = 0; i < 3; ++i) {
    const WriteOutcome again = Put(TestChunk(1, "value"));
    EXPECT_TRUE(again.status.ok());
    EXPECT_TRUE(again.already_stored);
  }
  EXPECT_EQ(store_->stats().appended_bytes, appended);
}

TEST_P(StoreTest, TheSameKeyWithOtherBytesAlreadyExistsAndWhatIsStoredStays) {
  ASSERT_TRUE(Put(TestChunk(1, "value")).status.ok());
  EXPECT_EQ(Put(TestChunk(1, "other")).status.code(), StatusCode::kAlreadyExists);
  EXPECT_EQ(Put(TestChunk(1, "value!")).status.code(), StatusCode::kAlreadyExists);
  EXPECT_EQ(Read(TestChunk(1, "")), "value");
}

TEST_P(StoreTest, OutcomesAreInTheOrderOfTheRequests) {
  ASSERT_TRUE(Put(TestChunk(1, "value")).status.ok());
  std::vector<WriteRequest> requests(4);
  requests[0].chunk = TestChunk(1, "value");
  requests[1].chunk = TestChunk(2, "new");
  requests[2].chunk = TestChunk(1, "other");
  requests[3].chunk = TestChunk(2, "new");
  const auto outcomes = store_->Write(0, requests);
  ASSERT_EQ(outcomes.size(), 4u);
  EXPECT_TRUE(outcomes[0].status.ok() && outcomes[0].already_stored);
  EXPECT_TRUE(outcomes[1].status.ok() && !outcomes[1].already_stored);
  EXPECT_EQ(outcomes[2].status.code(), StatusCode::kAlreadyExists);
  EXPECT_TRUE(outcomes[3].status.ok() && outcomes[3].already_stored);
}

TEST_P(StoreTest, TwoValuesForOneKeyInOneBatchKeepTheFirst) {
  std::vector<WriteRequest> requests(2);
  requests[0].chunk = TestChunk(1, "first");
  requests[1].chunk = TestChunk(1, "second");
  const auto outcomes = store_->Write(0, requests);
  EXPECT_TRUE(outcomes[0].status.ok());
  EXPECT_EQ(outcomes[1].status.code(), StatusCode::kAlreadyExists);
  EXPECT_EQ(Read(TestChunk(1, "")), "first");
}

TEST_P(StoreTest, BucketsDoNotShareKeys) {
  ChunkWrite other = TestChunk(1, "in rollups");
  other.bucket = "rollups";
  other.placement = PlaceOnRing("rollups", ToString(other.key), kTestPartitionBits);
  ASSERT_TRUE(Put(TestChunk(1, "in events")).status.ok());
  ASSERT_TRUE(Put(other).status.ok());
  EXPECT_EQ(Read(TestChunk(1, "")), "in events");
  EXPECT_EQ(Read(other), "in rollups");
}

TEST_P(StoreTest, OneBatchOfOneClassIsOneSync) {
  std::vector<WriteRequest> requests(20);
  for (std::size_t i = 0; i < requests.size(); ++i) requests[i].chunk = TestChunk(i, "value");
  const StoreStats before = store_->stats();
  (void)store_->Write(0, requests);
  EXPECT_EQ(store_->stats().batches, before.batches + 1);
  EXPECT_EQ(store_->stats().syncs, before.syncs + 1);
}

TEST_P(StoreTest, EachTtlClassOfABatchIsOneSync) {
  std::vector<WriteRequest> requests(3);
  requests[0].chunk = TestChunk(0, "a", Epoch(kTestNow), 3600);
  requests[1].chunk = TestChunk(1, "b", Epoch(kTestNow), 0);
  requests[2].chunk = TestChunk(2, "c", Epoch(kTestNow), 3600);
  const StoreStats before = store_->stats();
  (void)store_->Write(0, requests);
  EXPECT_EQ(store_->stats().syncs, before.syncs + 2);
  EXPECT_EQ(store_->stats().segments, before.segments + 2);
}

TEST_P(StoreTest, SyncOsDoesNotSync) {
  ChunkWrite write = TestChunk(1, "value");
  write.sync = SyncMode::kOs;
  const StoreStats before = store_->stats();
  ASSERT_TRUE(Put(write).status.ok());
  EXPECT_EQ(store_->stats().syncs, before.syncs);
  EXPECT_EQ(Read(write), "value");
}

TEST_P(StoreTest, StatsOfChunksComeInTheOrderOfTheRefs) {
  const ChunkWrite a = TestChunk(1, "a"), b = TestChunk(2, "bb"), c = TestChunk(3, "ccc");
  ASSERT_TRUE(Put(a).status.ok());
  ASSERT_TRUE(Put(c).status.ok());
  const auto stats =
      store_->StatChunks({carillon::RefOf(c), carillon::RefOf(b), carillon::RefOf(a)});
  ASSERT_TRUE(stats.ok());
  EXPECT_EQ((*stats)[0]->value_bytes, 3u);
  EXPECT_FALSE((*stats)[1].has_value());
  EXPECT_EQ((*stats)[2]->value_crc, Crc32c("a"));
}

TEST_P(StoreTest, ACommitMakesAllItsChunksVisible) {
  const std::vector<ChunkWrite> chunks = {TestChunk(1, "a"), TestChunk(2, "b")};
  for (const ChunkWrite& chunk : chunks) ASSERT_TRUE(Put(chunk).status.ok());
  EXPECT_TRUE(ScanAll().seconds.empty());
  ASSERT_TRUE(Commit(TestCommit(chunks)).status.ok());
  const ManifestPage page = ScanAll();
  ASSERT_EQ(page.seconds.size(), 1u);
  EXPECT_EQ(page.seconds[0].epoch, Epoch(kTestNow));
  EXPECT_EQ(page.seconds[0].dc, "ams");
  EXPECT_EQ(page.seconds[0].chunks, (std::vector<ChunkInfo>{InfoOf(chunks[0]), InfoOf(chunks[1])}));
}

TEST_P(StoreTest, ManifestsOnlyGrow) {
  ASSERT_TRUE(Commit(TestCommit({TestChunk(1, "a")})).status.ok());
  ASSERT_TRUE(Commit(TestCommit({TestChunk(2, "b")})).status.ok());
  const WriteOutcome again = Commit(TestCommit({TestChunk(1, "a"), TestChunk(2, "b")}));
  EXPECT_TRUE(again.status.ok());
  EXPECT_TRUE(again.already_stored);
  EXPECT_EQ(ScanAll().seconds.at(0).chunks.size(), 2u);
}

TEST_P(StoreTest, ACommitThatContradictsAnotherAddsNothing) {
  ASSERT_TRUE(Commit(TestCommit({TestChunk(1, "a")})).status.ok());
  EXPECT_EQ(Commit(TestCommit({TestChunk(2, "b"), TestChunk(1, "other")})).status.code(),
            StatusCode::kAlreadyExists);
  EXPECT_EQ(ScanAll().seconds.at(0).chunks.size(), 1u);
}

TEST_P(StoreTest, SecondsComeByEpochThenDcAndOnlyOfTheRange) {
  for (const auto& [epoch, dc] : std::vector<std::pair<std::uint64_t, std::string>>{
           {300, "ams"}, {100, "sin"}, {200, "ams"}, {100, "ams"}, {400, "ams"}}) {
    ChunkWrite chunk = TestChunk(1, "v", Epoch(epoch), 0);
    chunk.key.dc = dc;
    ASSERT_TRUE(Commit(TestCommit({chunk})).status.ok());
  }
  const auto names = [](const ManifestPage& page) {
    std::vector<std::string> names;
    for (const Second& second : page.seconds) names.push_back(ManifestKey(second.epoch, second.dc));
    return names;
  };
  EXPECT_EQ(names(Scan({Epoch(100), Epoch(400)})),
            (std::vector<std::string>{"100-ams", "100-sin", "200-ams", "300-ams"}));
  EXPECT_EQ(names(Scan({Epoch(100), Epoch(301)}, 100, "sin")),
            (std::vector<std::string>{"100-sin"}));
  EXPECT_TRUE(Scan({Epoch(101), Epoch(200)}).seconds.empty());
  EXPECT_TRUE(Scan({Epoch(200), Epoch(200)}).seconds.empty());
}

TEST_P(StoreTest, APageEndsAfterTheEpochThatFillsItAndTheNextGoesOnThere) {
  for (std::uint64_t epoch = 100; epoch < 110; ++epoch) {
    std::vector<ChunkWrite> chunks;
    for (std::uint64_t n = 0; n < 3; ++n) chunks.push_back(TestChunk(n, "v", Epoch(epoch), 0));
    ASSERT_TRUE(Commit(TestCommit(chunks)).status.ok());
  }
  ManifestPage page = Scan({Epoch(0), Epoch(1000)}, 4);
  EXPECT_EQ(page.seconds.size(), 2u);
  EXPECT_EQ(page.next_from, Epoch(102));
  page = Scan({Epoch(108), Epoch(1000)}, 6);
  EXPECT_EQ(page.seconds.size(), 2u);
  EXPECT_EQ(page.next_from, std::nullopt);
}

TEST_P(StoreTest, TheGreatestSealOfAWriterIsKept) {
  for (const std::uint64_t epoch : {100, 300, 200}) {
    CommitWrite write;
    write.commit = {.bucket = "events", .epoch = Epoch(epoch), .dc = "ams"};
    write.commit.seal = Seal{.writer = 7, .epoch = Epoch(epoch)};
    write.placement = PlaceOnRing("events", ManifestKey(Epoch(epoch), "ams"), kTestPartitionBits);
    ASSERT_TRUE(Commit(write).status.ok());
  }
  Reopen();
  const auto seals = store_->Seals();
  ASSERT_EQ(seals->size(), 1u);
  EXPECT_EQ(seals->front().sealed, Epoch(300));
  EXPECT_EQ(seals->front().writer, 7u);
  EXPECT_EQ(seals->front().bucket, "events");
  EXPECT_EQ(seals->front().dc, "ams");
}

TEST_P(StoreTest, EverythingIsThereAfterARestart) {
  std::vector<ChunkWrite> chunks;
  for (std::uint64_t n = 0; n < 40; ++n) chunks.push_back(TestChunk(n, Bytes(5000, 'a')));
  for (const ChunkWrite& chunk : chunks) ASSERT_TRUE(Put(chunk).status.ok());
  ASSERT_TRUE(Commit(TestCommit(chunks)).status.ok());
  EXPECT_GT(store_->stats().segments, 2u);
  Reopen();
  for (const ChunkWrite& chunk : chunks) EXPECT_EQ(Read(chunk), Bytes(5000, 'a'));
  EXPECT_EQ(ScanAll().seconds.at(0).chunks.size(), 40u);
  EXPECT_TRUE(Put(chunks[3]).already_stored);
  EXPECT_EQ(store_->stats().records_recovered, 0u);
}

TEST_P(StoreTest, ARestartWithoutCloseReplaysTheTail) {
  const ChunkWrite chunk = TestChunk(1, "value");
  ASSERT_TRUE(Put(chunk).status.ok());
  ASSERT_TRUE(Commit(TestCommit({chunk})).status.ok());
  Open();
  EXPECT_EQ(Read(chunk), "value");
  EXPECT_EQ(ScanAll().seconds.size(), 1u);
  // RocksDB flushes when it is destroyed.
  EXPECT_EQ(store_->stats().records_recovered, GetParam() == Ground::kSimulated ? 2u : 0u);
  EXPECT_EQ(store_->stats().torn_tails, 0u);
}

TEST_P(StoreTest, TwoStoresThatGotTheSameInOtherOrdersHaveTheSameDigests) {
  std::vector<ChunkWrite> chunks;
  for (std::uint64_t n = 0; n < 30; ++n) chunks.push_back(TestChunk(n, fmt::format("v{}", n)));
  const auto digests = [&] {
    for (const ChunkWrite& chunk : chunks) EXPECT_TRUE(Put(chunk).status.ok());
    EXPECT_TRUE(Commit(TestCommit({chunks.front()})).status.ok());
    EXPECT_TRUE(Commit(TestCommit({chunks.back(), chunks.front()})).status.ok());
    std::vector<Digest> all;
    for (std::uint16_t p = 0; p < 8; ++p) {
      all.push_back(*store_->ReadDigest(PartitionId(p), "events", kTestNow / 3600));
    }
    return all;
  };
  const auto first = digests();
  options_.directories[0] += "2";
  Open();
  std::reverse(chunks.begin(), chunks.end());
  EXPECT_EQ(digests(), first);
  std::uint64_t count = 0;
  for (const Digest& digest : first) count += digest.count;
  EXPECT_EQ(count, 32u);
}

TEST_P(StoreTest, ASecondOpenerIsRefused) {
  EXPECT_EQ(Store::Open(options_).status().code(), StatusCode::kFailedPrecondition);
}

TEST_P(StoreTest, TheDirectoryOfAnotherNodeIsRefused) {
  store_.reset();
  options_.identity.node.bytes[0] = 99;
  EXPECT_EQ(Store::Open(options_).status().code(), StatusCode::kFailedPrecondition);
}

TEST_P(StoreTest, TheDirectoryOfAnotherClusterIsRefused) {
  store_.reset();
  options_.identity.cluster.bytes[0] = 99;
  EXPECT_EQ(Store::Open(options_).status().code(), StatusCode::kFailedPrecondition);
}

TEST_P(StoreTest, AStoreWithoutAnIdentityTakesThatOfItsDirectory) {
  store_.reset();
  const Uuid node = options_.identity.node;
  options_.identity = {};
  Open();
  EXPECT_EQ(store_->identity().node, node);
}

TEST_P(StoreTest, ADirectoryWithForeignFilesIsRefused) {
  const std::string path = options_.directories[0] + "_foreign";
  ASSERT_TRUE(options_.files->MakeDirectory(path).ok());
  ASSERT_TRUE(options_.files->Create(path + "/thesis.doc").ok());
  options_.directories = {path};
  EXPECT_EQ(Store::Open(options_).status().code(), StatusCode::kFailedPrecondition);
}

TEST_P(StoreTest, SegmentsRotateAndAllAreRead) {
  for (std::uint64_t n = 0; n < 200; ++n) {
    ASSERT_TRUE(Put(TestChunk(n, Bytes(3000, static_cast<char>(n)))).status.ok());
  }
  EXPECT_GE(store_->stats().segments, 9u);
  for (std::uint64_t n = 0; n < 200; ++n) {
    EXPECT_EQ(Read(TestChunk(n, "")), Bytes(3000, static_cast<char>(n)));
  }
}

TEST_P(StoreTest, ExpiredChunksAreNotFoundAndTheirSegmentsGo) {
  const ChunkWrite old = TestChunk(1, "old", Epoch(kTestNow), 3600);
  const ChunkWrite kept = TestChunk(2, "kept", Epoch(kTestNow), 0);
  ASSERT_TRUE(Put(old).status.ok());
  ASSERT_TRUE(Put(kept).status.ok());
  ASSERT_TRUE(Commit(TestCommit({old})).status.ok());
  clock_.Advance(3599);
  store_->Maintain(0);
  EXPECT_EQ(Read(old), "old");
  clock_.Advance(1);
  EXPECT_EQ(ReadCode(old), StatusCode::kNotFound);
  EXPECT_TRUE(ScanAll().seconds.empty());
  store_->Maintain(0);
  EXPECT_EQ(store_->stats().segments_expired, 0u) << "before the grace";
  clock_.Advance(301);
  store_->Maintain(0);
  EXPECT_EQ(store_->stats().segments_expired, 1u);
  EXPECT_EQ(options_.files->List(SegmentsOf(0))->size(), 1u);
  EXPECT_EQ(Read(kept), "kept");
  EXPECT_EQ(store_->ReadDigest(old.placement.partition, "events", kTestNow / 3600)->count,
            old.placement.partition == kept.placement.partition ? 1u : 0u);
  Reopen();
  EXPECT_EQ(Read(kept), "kept");
  EXPECT_EQ(ReadCode(old), StatusCode::kNotFound);
}

TEST_P(StoreTest, ADroppedPartitionIsGoneAndItsNeighboursAreNot) {
  std::vector<ChunkWrite> chunks;
  for (std::uint64_t n = 0; n < 40; ++n) chunks.push_back(TestChunk(n, Bytes(6000, 'v')));
  for (const ChunkWrite& chunk : chunks) ASSERT_TRUE(Put(chunk).status.ok());
  const PartitionId dropped = chunks[0].placement.partition;
  ASSERT_TRUE(store_->DropPartition(dropped).ok());
  for (int round = 0; round < 2; ++round) {
    for (const ChunkWrite& chunk : chunks) {
      const bool gone = chunk.placement.partition == dropped;
      EXPECT_EQ(ReadCode(chunk), gone ? StatusCode::kNotFound : StatusCode::kOk);
    }
    EXPECT_EQ(*store_->ReadDigest(dropped, "events", kTestNow / 3600), Digest());
    Open();  // without Close: from the log
  }
}

TEST_P(StoreTest, ADroppedPartitionCanComeBack) {
  const ChunkWrite chunk = TestChunk(1, "value");
  ASSERT_TRUE(Put(chunk).status.ok());
  ASSERT_TRUE(store_->DropPartition(chunk.placement.partition).ok());
  const WriteOutcome again = Put(chunk);
  EXPECT_TRUE(again.status.ok());
  EXPECT_FALSE(again.already_stored);
  EXPECT_EQ(Read(chunk), "value");
  Open();
  EXPECT_EQ(Read(chunk), "value");
}

// Found by a crash test (seed 6): streams are replayed one after the other, and the drop of the old
// class took the chunk that had come back in the new one.
TEST_P(StoreTest, ADroppedPartitionCanComeBackInAnotherTtlClass) {
  for (const std::uint64_t second_ttl : {86400ul, 30 * 86400ul}) {
    ChunkWrite chunk = TestChunk(second_ttl, "value");
    ASSERT_TRUE(Put(chunk).status.ok());
    ASSERT_TRUE(store_->DropPartition(chunk.placement.partition).ok());
    chunk.ttl_seconds = second_ttl;
    ASSERT_TRUE(Put(chunk).status.ok());
    Open();
    EXPECT_EQ(Read(chunk), "value");
  }
}

TEST_P(StoreTest, SeveralDirectoriesShareThePartitions) {
  options_.directories.push_back(options_.directories[0] + "2");
  Open();
  ASSERT_EQ(store_->disks(), 2u);
  std::set<std::size_t> used;
  for (std::uint64_t n = 0; n < 60; ++n) {
    const ChunkWrite chunk = TestChunk(n, fmt::format("v{}", n));
    used.insert(store_->DiskOf(chunk.placement.partition));
    ASSERT_TRUE(Put(chunk).status.ok());
    ASSERT_TRUE(Commit(TestCommit({chunk})).status.ok());
  }
  EXPECT_EQ(used.size(), 2u);
  Reopen();
  for (std::uint64_t n = 0; n < 60; ++n) EXPECT_EQ(Read(TestChunk(n, "")), fmt::format("v{}", n));
  EXPECT_EQ(ScanAll().seconds.at(0).chunks.size(), 60u);
}

TEST_P(StoreTest, DirectoriesOfDifferentNodesAreRefusedTogether) {
  store_.reset();
  StoreOptions other = options_;
  other.directories = {options_.directories[0] + "2"};
  other.identity.node.bytes[0] = 77;
  ASSERT_TRUE(Store::Open(other).ok());
  options_.identity = {};
  options_.directories.push_back(other.directories[0]);
  EXPECT_EQ(Store::Open(options_).status().code(), StatusCode::kFailedPrecondition);
}

TEST_P(StoreTest, AnAddedDirectoryLeavesOldDataReadable) {
  for (std::uint64_t n = 0; n < 40; ++n) {
    ASSERT_TRUE(Put(TestChunk(n, fmt::format("v{}", n))).status.ok());
  }
  ASSERT_TRUE(store_->Close().ok());
  options_.directories.insert(options_.directories.begin(), options_.directories[0] + "_new");
  Open();
  for (std::uint64_t n = 0; n < 40; ++n) {
    EXPECT_EQ(Read(TestChunk(n, "")), fmt::format("v{}", n));
    EXPECT_TRUE(Put(TestChunk(n, fmt::format("v{}", n))).already_stored);
  }
}

TEST_P(StoreTest, AStoreNeedsADirectory) {
  options_.directories.clear();
  EXPECT_EQ(Store::Open(options_).status().code(), StatusCode::kInvalidArgument);
}

TEST_P(StoreTest, TooManyPartitionBitsAreRefused) {
  options_.partition_bits = 13;
  EXPECT_EQ(Store::Open(options_).status().code(), StatusCode::kInvalidArgument);
}

// Only on real files: the index as files.
TEST(StoreIndexTest, AnIndexThatWasDeletedOrDamagedIsRebuilt) {
  for (const bool remove : {true, false}) {
    const TemporaryDirectory temporary;
    const auto indexes = NewRocksdbFactory({.cache_bytes = 8 << 20, .write_buffer_bytes = 1 << 20});
    const SimulatedClock clock(kTestNow);
    StoreOptions options;
    options.files = MachineFileSystem();
    options.indexes = indexes.get();
    options.clock = &clock;
    options.directories = {temporary.path() + "/data"};
    options.identity.node.bytes[0] = 1;
    options.partition_bits = kTestPartitionBits;
    options.ballast_bytes = 0;
    options.min_free = 0;
    const auto check = [&](bool write) {
      auto store = Store::Open(options);
      ASSERT_TRUE(store.ok()) << ToString(store.status());
      for (std::uint64_t n = 0; n < 200 && write; ++n) {
        std::vector<WriteRequest> requests(1);
        requests[0].chunk = TestChunk(n, fmt::format("v{}", n));
        ASSERT_TRUE((*store)->Write(0, requests)[0].status.ok());
      }
      for (std::uint64_t n = 0; n < 200; ++n) {
        const auto chunk = (*store)->ReadChunk(RefOf(TestChunk(n, "")));
        ASSERT_TRUE(chunk.ok()) << ToString(chunk.status());
        EXPECT_EQ(chunk->value.view(), fmt::format("v{}", n));
      }
      EXPECT_EQ((*store)->stats().records_quarantined, 0u);
      ASSERT_TRUE((*store)->Close().ok());
    };
    check(/*write=*/true);
    const std::string index = temporary.path() + "/data/index";
    if (remove) {
      std::filesystem::remove_all(index);
    } else {
      for (const auto& entry : std::filesystem::directory_iterator(index)) {
        if (entry.path().extension() != ".sst") continue;
        std::filesystem::resize_file(entry.path(), entry.file_size() / 2);
      }
    }
    check(/*write=*/false);
  }
}

}  // namespace
}  // namespace carillon
