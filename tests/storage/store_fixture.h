#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/checksum.h"
#include "storage/rocksdb_key_value.h"
#include "storage/store.h"
#include "tests/sim/support/simulated_clock.h"
#include "tests/sim/support/simulated_file_system.h"
#include "tests/sim/support/simulated_key_value.h"
#include "tests/sim/support/store_model.h"

namespace carillon {

// A directory of its own for one test, removed with it.
class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string name = (std::filesystem::temp_directory_path() / "carillon_XXXXXX").string();
    path_ = ::mkdtemp(name.data()) == nullptr ? "" : name;
  }
  ~TemporaryDirectory() {
    std::error_code ignored;  // best effort: the machine cleans /tmp
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

inline constexpr std::uint32_t kTestPartitionBits = 3;
inline constexpr std::uint64_t kTestNow = 1'700'000'000;

inline ChunkWrite TestChunk(std::uint64_t number, Bytes value, Epoch epoch = Epoch(kTestNow),
                            std::uint64_t ttl_seconds = 8 * 86400) {
  ChunkWrite write;
  write.bucket = "events";
  write.key = {.epoch = epoch, .dc = "ams", .cell = "c0", .type = "WEB", .number = number};
  write.value_crc = Crc32c(value);
  write.value = Rope(std::move(value));
  write.ttl_seconds = ttl_seconds;
  write.placement = PlaceOnRing(write.bucket, ToString(write.key), kTestPartitionBits);
  return write;
}

inline ChunkRef RefOf(const ChunkWrite& write) {
  return {.partition = write.placement.partition, .bucket = write.bucket, .key = write.key};
}

inline ChunkInfo InfoOf(const ChunkWrite& write) {
  return {.key = write.key,
          .events = 1,
          .raw_bytes = 1,
          .value_bytes = static_cast<std::uint32_t>(write.value.size()),
          .value_crc = write.value_crc};
}

inline CommitWrite TestCommit(const std::vector<ChunkWrite>& chunks) {
  CommitWrite write;
  write.commit = {.bucket = chunks.front().bucket,
                  .epoch = chunks.front().key.epoch,
                  .dc = chunks.front().key.dc};
  for (const ChunkWrite& chunk : chunks) write.commit.chunks.push_back(InfoOf(chunk));
  write.ttl_seconds = chunks.front().ttl_seconds;
  write.placement = PlaceOnRing(
      write.commit.bucket, ManifestKey(write.commit.epoch, write.commit.dc), kTestPartitionBits);
  return write;
}

enum class Ground { kSimulated, kMachine };

// A store with small segments, on a simulated machine or on real files with RocksDB.
class StoreFixture : public testing::TestWithParam<Ground> {
 protected:
  StoreFixture() {
    EXPECT_TRUE(disk_.MakeDirectory("/srv").ok());
    EXPECT_TRUE(disk_.SyncDirectory("/").ok());
    const bool real = GetParam() == Ground::kMachine;
    if (real) rocksdb_ = NewRocksdbFactory({.cache_bytes = 8 << 20, .write_buffer_bytes = 4 << 20});
    options_.files = real ? MachineFileSystem() : &disk_;
    options_.indexes = real ? rocksdb_.get() : &memory_;
    options_.clock = &clock_;
    options_.directories = {(real ? temporary_.path() : "/srv") + "/data"};
    options_.identity.cluster.bytes[0] = 1;
    options_.identity.node.bytes[0] = 2;
    options_.partition_bits = kTestPartitionBits;
    options_.segment_bytes = 64 << 10;
    options_.allocate_bytes = 16 << 10;
    options_.ballast_bytes = 0;
    options_.min_free = 0;  // the machine's own disk may be full
    options_.on_sync_failure = [](const Status&) {};
  }

  void Open() {
    store_.reset();
    auto opened = Store::Open(options_);
    ASSERT_TRUE(opened.ok()) << ToString(opened.status());
    store_ = std::move(*opened);
  }
  void Reopen() {
    ASSERT_TRUE(store_->Close().ok());
    Open();
  }

  WriteOutcome Put(const ChunkWrite& write) {
    std::vector<WriteRequest> requests(1);
    requests[0].chunk = write;
    return store_->Write(store_->DiskOf(write.placement.partition), requests).front();
  }
  WriteOutcome Commit(const CommitWrite& write) {
    std::vector<WriteRequest> requests(1);
    requests[0].commit = write;
    return store_->Write(store_->DiskOf(write.placement.partition), requests).front();
  }
  StatusCode ReadCode(const ChunkWrite& write) const {
    return store_->ReadChunk(carillon::RefOf(write)).status().code();
  }
  Bytes Read(const ChunkWrite& write) const {
    const auto chunk = store_->ReadChunk(carillon::RefOf(write));
    return chunk.ok() ? Bytes(chunk->value.view()) : ToString(chunk.status());
  }
  ManifestPage Scan(EpochRange range, std::size_t max_chunks = 10'000, std::string dc = "") {
    auto page = store_->ScanManifests(
        {.bucket = "events", .range = range, .dc = std::move(dc), .max_chunks = max_chunks});
    EXPECT_TRUE(page.ok()) << ToString(page.status());
    return page.ok() ? std::move(*page) : ManifestPage();
  }
  ManifestPage ScanAll() { return Scan({.first = Epoch(0), .limit = Epoch(kMaxEpoch)}); }

  std::string SegmentsOf(std::size_t disk) const {
    return options_.directories[disk] + "/segments";
  }

  TemporaryDirectory temporary_;
  SimulatedFileSystem disk_;
  SimulatedKeyValueFactory memory_{&disk_};
  std::unique_ptr<KeyValueFactory> rocksdb_;
  SimulatedClock clock_{kTestNow};
  StoreOptions options_;
  std::unique_ptr<Store> store_;
};

inline std::string GroundName(const testing::TestParamInfo<Ground>& info) {
  return info.param == Ground::kSimulated ? "Simulated" : "Machine";
}

}  // namespace carillon
