// A store whose partitions become more, or fewer, while it is open.
#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <set>
#include <thread>

#include "storage/memory_key_value.h"
#include "tests/sim/support/quiet_log.h"
#include "tests/storage/memory_store.h"
#include "tests/storage/store_fixture.h"

namespace carillon {
namespace {

constexpr std::uint32_t kMoreBits = kTestPartitionBits + 2;

using DigestsByPlace = std::map<std::tuple<PartitionId, std::string, std::uint64_t>, Digest>;

DigestsByPlace DigestsOf(const Store& store, std::uint32_t bits) {
  DigestsByPlace digests;
  for (std::uint32_t p = 0; p < 1u << bits; ++p) {
    const PartitionId partition(static_cast<std::uint16_t>(p));
    const auto of_partition = store.ListDigests(partition);
    EXPECT_TRUE(of_partition.ok()) << ToString(of_partition.status());
    if (!of_partition.ok()) continue;
    for (const HourDigest& hour : *of_partition) {
      digests[{partition, hour.bucket, hour.hour}] = hour.digest;
    }
  }
  return digests;
}

std::set<std::string> EntriesOf(const Store& store, std::uint32_t bits) {
  std::set<std::string> names;
  for (const auto& [place, digest] : DigestsOf(store, bits)) {
    const auto& [partition, bucket, hour] = place;
    Bytes after;
    do {
      const auto page = store.ListEntries(partition, bucket, hour, after, 7);
      EXPECT_TRUE(page.ok()) << ToString(page.status());
      if (!page.ok()) break;
      for (const SyncEntry& entry : page->entries) {
        names.insert(fmt::format("{} {} {}", static_cast<int>(entry.kind), entry.bucket,
                                 ToString(entry.info.key)));
      }
      after = page->next;
    } while (!after.empty());
  }
  return names;
}

std::vector<ChunkWrite> SomeChunks() {
  std::vector<ChunkWrite> chunks;
  for (std::uint64_t n = 0; n < 120; ++n) {
    chunks.push_back(TestChunk(n, fmt::format("value {}", n), Epoch(kTestNow - 1800 * (n % 4)),
                               n % 3 == 0 ? 0 : 8 * 86400));
  }
  return chunks;
}

class StoreSplitTest : public StoreFixture {
 protected:
  StoreSplitTest() {
    options_.split_batch_entries = 8;
    Open();
  }
  static void SetUpTestSuite() { QuietLog(); }

  void Fill() {
    std::map<Epoch, std::vector<ChunkWrite>> seconds;
    for (const ChunkWrite& chunk : SomeChunks()) {
      ASSERT_TRUE(Put(chunk).status.ok());
      seconds[chunk.key.epoch].push_back(chunk);
    }
    for (const auto& [epoch, chunks] : seconds) ASSERT_TRUE(Commit(TestCommit(chunks)).status.ok());
  }
  void ExpectAllIsServed() {
    for (const ChunkWrite& chunk : SomeChunks()) EXPECT_EQ(Read(chunk), chunk.value.Flatten());
    std::size_t listed = 0;
    for (const Second& second : ScanAll().seconds) listed += second.chunks.size();
    EXPECT_EQ(listed, SomeChunks().size());
  }
  // What a store says that never had another number of partitions.
  DigestsByPlace DigestsOfOneMadeWith(std::uint32_t bits) {
    MemoryKeyValueFactory indexes;
    SimulatedFileSystem files;
    EXPECT_TRUE(files.MakeDirectory("/srv").ok());
    StoreOptions options = options_;
    options.files = &files;
    options.indexes = &indexes;
    options.directories = {"/srv/other"};
    options.partition_bits = bits;
    std::unique_ptr<Store> mine = std::exchange(store_, *Store::Open(options));
    Fill();
    const DigestsByPlace digests = DigestsOf(*store_, bits);
    store_ = std::move(mine);
    return digests;
  }
};
INSTANTIATE_TEST_SUITE_P(, StoreSplitTest, testing::Values(Ground::kSimulated, Ground::kMachine),
                         GroundName);

TEST_P(StoreSplitTest, AnswersAsBeforeAndAsIfItHadAlwaysHadSoManyPartitions) {
  Fill();
  const auto entries = EntriesOf(*store_, kTestPartitionBits);
  EXPECT_EQ(entries.size(), 2 * SomeChunks().size());
  ASSERT_TRUE(store_->SetPartitionBits(kMoreBits).ok());
  EXPECT_EQ(store_->partition_bits(), kMoreBits);
  const DigestsByPlace wanted = DigestsOfOneMadeWith(kMoreBits);
  for (const int life : {1, 2}) {
    SCOPED_TRACE(life);
    ExpectAllIsServed();
    EXPECT_EQ(DigestsOf(*store_, kMoreBits), wanted);
    EXPECT_EQ(EntriesOf(*store_, kMoreBits), entries);
    std::set<PartitionId> held;
    for (const auto& [place, digest] : wanted) held.insert(std::get<0>(place));
    EXPECT_EQ(store_->HeldPartitions().value(), std::vector(held.begin(), held.end()));
    options_.partition_bits = kMoreBits;
    Reopen();
    EXPECT_EQ(store_->stats().index_rebuilds, 0u);
  }
}

TEST_P(StoreSplitTest, AnIndexOfFewerPartitionsIsSplitAtTheStart) {
  Fill();
  for (const std::uint32_t bits : {kTestPartitionBits + 1, kTestPartitionBits + 4}) {
    options_.partition_bits = bits;
    Reopen();
    EXPECT_EQ(store_->stats().index_rebuilds, 0u);
    ExpectAllIsServed();
    EXPECT_EQ(DigestsOf(*store_, bits), DigestsOfOneMadeWith(bits));
  }
}

TEST_P(StoreSplitTest, FewerPartitionsAreMadeFromTheLog) {
  Fill();
  ASSERT_TRUE(store_->SetPartitionBits(kTestPartitionBits - 1).ok());
  EXPECT_EQ(store_->stats().index_rebuilds, 1u);
  ExpectAllIsServed();
  EXPECT_EQ(DigestsOf(*store_, kTestPartitionBits - 1),
            DigestsOfOneMadeWith(kTestPartitionBits - 1));
  ASSERT_TRUE(Put(TestChunk(1000, "more")).status.ok());
  options_.partition_bits = kTestPartitionBits - 1;
  Reopen();
  ExpectAllIsServed();
  EXPECT_EQ(Read(TestChunk(1000, "")), "more");
}

TEST_P(StoreSplitTest, TheSameNumberChangesNothingAndTooManyAreRefused) {
  Fill();
  ASSERT_TRUE(store_->SetPartitionBits(kTestPartitionBits).ok());
  EXPECT_EQ(store_->SetPartitionBits(13).code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(store_->partition_bits(), kTestPartitionBits);
  ExpectAllIsServed();
}

TEST_P(StoreSplitTest, WhatWasNumberedBeforeIsWrittenWhereItBelongs) {
  Fill();
  ASSERT_TRUE(store_->SetPartitionBits(kMoreBits).ok());
  const ChunkWrite late = TestChunk(5000, "late");  // its placement has the old number
  ASSERT_TRUE(Put(late).status.ok());
  EXPECT_EQ(Read(late), "late");
  EXPECT_TRUE(Put(SomeChunks()[0]).already_stored);
  const PartitionId belongs = PlaceOnRing(late.bucket, ToString(late.key), kMoreBits).partition;
  const auto before = DigestsOfOneMadeWith(kMoreBits);
  const auto after = DigestsOf(*store_, kMoreBits);
  for (const auto& [place, digest] : after) {
    const auto found = before.find(place);
    const bool same = found != before.end() && found->second == digest;
    EXPECT_EQ(same, std::get<0>(place) != belongs || std::get<2>(place) != kTestNow / 3600);
  }
}

TEST_P(StoreSplitTest, ADropTakesOnePartOfWhatWasOnePartition) {
  Fill();
  ASSERT_TRUE(store_->SetPartitionBits(kMoreBits).ok());
  const PartitionId dropped =
      PlaceOnRing("events", ToString(SomeChunks()[0].key), kMoreBits).partition;
  ASSERT_TRUE(store_->DropPartition(dropped).ok());
  options_.partition_bits = kMoreBits;
  const auto expect_only_that_is_gone = [&] {
    for (const ChunkWrite& chunk : SomeChunks()) {
      const bool gone = PlaceOnRing("events", ToString(chunk.key), kMoreBits).partition == dropped;
      EXPECT_EQ(ReadCode(chunk), gone ? StatusCode::kNotFound : StatusCode::kOk);
    }
  };
  expect_only_that_is_gone();
  Reopen();
  expect_only_that_is_gone();
}

TEST_P(StoreSplitTest, WhatWasDroppedBeforeStaysGoneInAnIndexMadeAnew) {
  Fill();
  const PartitionId dropped = SomeChunks()[0].placement.partition;
  ASSERT_TRUE(store_->DropPartition(dropped).ok());
  ASSERT_TRUE(store_->SetPartitionBits(kMoreBits).ok());
  const auto digests = DigestsOf(*store_, kMoreBits);
  for (const auto& [place, digest] : digests) {
    EXPECT_NE(std::get<0>(place).value() >> 2, dropped.value());
  }
  ASSERT_TRUE(store_->Close().ok());
  store_.reset();
  ASSERT_TRUE(options_.indexes->Destroy(options_.directories[0] + "/index").ok());
  options_.partition_bits = kMoreBits;
  Open();
  EXPECT_EQ(DigestsOf(*store_, kMoreBits), digests);
}

TEST_P(StoreSplitTest, ADropOfDigestsFromBeforeASplitDropsNothing) {
  Fill();
  std::vector<Digest> totals;
  for (std::uint16_t p = 0; p < 1u << kTestPartitionBits; ++p) {
    totals.push_back(TotalOf(*store_->ListDigests(PartitionId(p))));
    ASSERT_GT(totals.back().count, 0u);
  }
  ASSERT_TRUE(store_->SetPartitionBits(kMoreBits).ok());
  for (std::uint16_t p = 0; p < totals.size(); ++p) {
    const auto dropped = store_->DropPartitionIf(PartitionId(p), totals[p]);
    EXPECT_TRUE(dropped.ok() && !*dropped);
  }
  ExpectAllIsServed();
}

TEST_P(StoreSplitTest, DamageIsKnownAndRepairedAsBefore) {
  if (GetParam() == Ground::kMachine) GTEST_SKIP() << "damage is simulated";
  Fill();
  const ChunkWrite hurt = TestChunk(9000, Bytes(500, 'h'));
  ASSERT_TRUE(Put(hurt).status.ok());
  for (const std::string& path : disk_.Files()) {
    const std::size_t at = disk_.Content(path).find(std::string(500, 'h'));
    if (at != std::string::npos) disk_.FlipBit(path, 8 * at);
  }
  ASSERT_EQ(ReadCode(hurt), StatusCode::kDataLoss);
  ASSERT_TRUE(store_->SetPartitionBits(kMoreBits).ok());
  const PartitionId place = PlaceOnRing("events", ToString(hurt.key), kMoreBits).partition;
  EXPECT_EQ(ReadCode(hurt), StatusCode::kDataLoss);
  ASSERT_EQ(store_->DamagedEntries(place).size(), 1u);
  const auto digests = DigestsOf(*store_, kMoreBits);
  EXPECT_FALSE(Put(hurt).already_stored);
  EXPECT_EQ(Read(hurt), Bytes(500, 'h'));
  EXPECT_TRUE(store_->DamagedEntries(place).empty());
  EXPECT_EQ(DigestsOf(*store_, kMoreBits), digests);
}

TEST_P(StoreSplitTest, EveryPartStaysOnTheDiskOfItsPartition) {
  options_.directories.push_back(options_.directories[0] + "2");
  Open();
  Fill();
  std::vector<std::size_t> disk_of;
  for (std::uint16_t p = 0; p < 1u << kTestPartitionBits; ++p) {
    disk_of.push_back(store_->DiskOf(PartitionId(p)));
  }
  ASSERT_TRUE(store_->SetPartitionBits(kMoreBits).ok());
  options_.partition_bits = kMoreBits;
  for (const int life : {1, 2}) {
    SCOPED_TRACE(life);
    const auto holds = store_->HeldPartitions();
    for (const PartitionId held : holds.value()) {
      EXPECT_EQ(store_->DiskOf(held), disk_of[held.value() >> 2]);
    }
    ExpectAllIsServed();
    EXPECT_EQ(DigestsOf(*store_, kMoreBits), DigestsOfOneMadeWith(kMoreBits));
    Reopen();
  }
}

// Indexes that refuse the write that is told.
class RefusingIndexes final : public KeyValueFactory {
 public:
  class Entries final : public KeyValueStore {
   public:
    Entries(RefusingIndexes* owner, std::unique_ptr<KeyValueStore> store)
        : owner_(owner), store_(std::move(store)) {}
    StatusOr<std::optional<Bytes>> Get(Family family, std::string_view key) const override {
      return store_->Get(family, key);
    }
    StatusOr<std::vector<std::optional<Bytes>>> MultiGet(
        Family family, const std::vector<Bytes>& keys) const override {
      return store_->MultiGet(family, keys);
    }
    std::unique_ptr<KeyValueCursor> NewCursor(Family family) const override {
      return store_->NewCursor(family);
    }
    Status Write(const KeyValueBatch& batch) override {
      if (owner_->writes_left == 0) return Unavailable("the disk is away");
      --owner_->writes_left;
      return store_->Write(batch);
    }
    Status Flush() override { return store_->Flush(); }
    Status FlushSoon() override { return store_->FlushSoon(); }
    std::uint64_t UnflushedBytes() const override { return store_->UnflushedBytes(); }

   private:
    RefusingIndexes* owner_;
    std::unique_ptr<KeyValueStore> store_;
  };

  StatusOr<std::unique_ptr<KeyValueStore>> Open(const std::string& directory) override {
    ASSIGN_OR_RETURN(auto store, memory_.Open(directory));
    return std::make_unique<Entries>(this, std::move(store));
  }
  Status Destroy(const std::string& directory) override { return memory_.Destroy(directory); }

  std::uint64_t writes_left = ~std::uint64_t{0};

 private:
  MemoryKeyValueFactory memory_;
};

TEST_P(StoreSplitTest, HalfDoneItSaysUnavailableNeverNotFoundAndIsFinishedLater) {
  if (GetParam() == Ground::kMachine) GTEST_SKIP() << "failures are simulated";
  const DigestsByPlace wanted = DigestsOfOneMadeWith(kMoreBits);
  std::uint64_t failures = 0;
  for (std::uint64_t writes = 0; failures == writes; ++writes) {
    SCOPED_TRACE(writes);
    store_.reset();
    RefusingIndexes indexes;
    options_.indexes = &indexes;
    options_.partition_bits = kTestPartitionBits;
    options_.directories = {fmt::format("/srv/split{}", writes)};
    Open();
    Fill();
    indexes.writes_left = writes;
    const bool failed = !store_->SetPartitionBits(kMoreBits).ok();
    failures += failed ? 1 : 0;
    if (failed) {
      EXPECT_EQ(ReadCode(SomeChunks()[0]), StatusCode::kUnavailable);
      EXPECT_EQ(Put(SomeChunks()[0]).status.code(), StatusCode::kUnavailable);
      EXPECT_FALSE(store_->ScanManifests({.bucket = "events", .range = {}, .dc = ""}).ok());
      EXPECT_FALSE(store_->StatChunks({carillon::RefOf(SomeChunks()[0])}).ok());
      EXPECT_FALSE(store_->DropPartition(PartitionId(0)).ok());
      store_->Maintain(0);
    }
    indexes.writes_left = ~std::uint64_t{0};
    if (writes % 2 == 0) {
      EXPECT_TRUE(store_->SetPartitionBits(kMoreBits).ok());
    } else {
      options_.partition_bits = kMoreBits;
      Reopen();
    }
    EXPECT_EQ(store_->stats().index_rebuilds, 0u);
    ExpectAllIsServed();
    EXPECT_EQ(DigestsOf(*store_, kMoreBits), wanted);
    store_.reset();
  }
  EXPECT_GT(failures, 20u);
}

TEST(StoreSplitThreadsTest, NothingIsMissedWhileItIsUnderWay) {
  QuietLog();
  MemoryStore memory(2);
  Store* const store = memory.store.get();
  const std::vector<ChunkWrite> chunks = SomeChunks();
  const auto put = [store](const ChunkWrite& chunk) {
    std::vector<WriteRequest> requests(1);
    requests[0].chunk = chunk;
    return store->Write(store->DiskAt(chunk.placement.ring_position), requests).front();
  };
  for (const ChunkWrite& chunk : chunks) ASSERT_TRUE(put(chunk).status.ok());
  std::atomic<bool> stop{false};
  std::atomic<std::uint64_t> missed{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 2; ++t) {
    threads.emplace_back([&] {
      while (!stop) {
        for (const ChunkWrite& chunk : chunks) {
          missed += store->ReadChunk(carillon::RefOf(chunk)).ok() ? 0 : 1;
          missed += store->StatChunks({carillon::RefOf(chunk)})->front().has_value() ? 0 : 1;
        }
      }
    });
  }
  threads.emplace_back([&] {
    for (std::uint64_t n = 10'000; !stop; ++n) {
      const ChunkWrite chunk = TestChunk(n, "new");
      missed += put(chunk).status.ok() && store->ReadChunk(carillon::RefOf(chunk)).ok() ? 0 : 1;
      missed += put(chunks[n % chunks.size()]).already_stored ? 0 : 1;
    }
  });
  for (std::uint32_t bits = kTestPartitionBits + 1; bits <= 9; ++bits) {
    EXPECT_TRUE(store->SetPartitionBits(bits).ok());
  }
  stop = true;
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(missed, 0u);
}

}  // namespace
}  // namespace carillon
