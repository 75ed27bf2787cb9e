#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "base/checksum.h"
#include "base/hash.h"
#include "base/random.h"
#include "storage/group_commit.h"
#include "storage/rocksdb_key_value.h"
#include "storage/store.h"
#include "tools/carillon/bench/benches.h"
#include "tools/carillon/bench/child_node.h"

namespace carillon {
namespace {

constexpr std::size_t kValueBytes = 100'000;
constexpr std::uint64_t kAllocateBytes = std::uint64_t{64} << 20;
constexpr std::size_t kBatchBytes = std::size_t{4} << 20;

// The calibration: what waits is written to a preallocated file in one piece and synced, by one
// thread: what GroupCommit does, without records, checks, or an index.
class PlainFile {
 public:
  explicit PlainFile(std::unique_ptr<WritableFile> file)
      : file_(std::move(file)), thread_([this] { Loop(); }) {}
  ~PlainFile() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_one();
    thread_.join();
  }

  void Submit(ByteSpan value, std::function<void(Status)> done) {
    {
      const std::lock_guard lock(mutex_);
      queue_.emplace_back(value, std::move(done));
    }
    wake_.notify_one();
  }

 private:
  using Waiting = std::pair<ByteSpan, std::function<void(Status)>>;

  std::vector<Waiting> Take() {
    std::unique_lock lock(mutex_);
    wake_.wait(lock, [this] { return !queue_.empty() || stopping_; });
    std::vector<Waiting> batch;
    std::size_t bytes = 0;
    while (!queue_.empty() && bytes < kBatchBytes) {
      bytes += queue_.front().first.size();
      batch.push_back(std::move(queue_.front()));
      queue_.pop_front();
    }
    return batch;
  }

  void Loop() {
    while (true) {
      std::vector<Waiting> batch = Take();
      if (batch.empty()) return;
      const Status status = WriteBatch(batch);
      for (Waiting& waiting : batch) waiting.second(status);
    }
  }

  Status WriteBatch(const std::vector<Waiting>& batch) {
    std::vector<ByteSpan> pieces;
    std::uint64_t bytes = 0;
    for (const Waiting& waiting : batch) {
      pieces.push_back(waiting.first);
      bytes += waiting.first.size();
    }
    if (size_ + bytes > allocated_) {
      allocated_ = size_ + bytes + kAllocateBytes;
      RETURN_IF_ERROR(file_->Allocate(allocated_));
    }
    RETURN_IF_ERROR(file_->WriteAt(size_, pieces));
    size_ += bytes;
    return file_->Sync();
  }

  const std::unique_ptr<WritableFile> file_;
  std::uint64_t size_ = 0;
  std::uint64_t allocated_ = 0;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Waiting> queue_;
  bool stopping_ = false;
  std::thread thread_;
};

WriteRequest PutOf(std::uint64_t i, const SharedBytes& value, std::uint32_t crc) {
  ChunkWrite write;
  const std::uint64_t hash = Hash64(std::to_string(i));
  write.placement = {.partition = PartitionId(static_cast<std::uint16_t>(hash >> 58)),
                     .ring_position = static_cast<std::uint16_t>(hash >> 48)};
  write.bucket = "events";
  write.key = {.epoch = Epoch(1'700'000'000 + i / 100),
               .dc = "1",
               .cell = "c",
               .type = "BENCH",
               .subtype = "",
               .number = i};
  write.value = Rope(value);
  write.value_crc = crc;
  WriteRequest request;
  request.chunk = std::move(write);
  return request;
}

// A store of its own, written to by its group commit.
class LogUnderTest {
 public:
  static StatusOr<std::unique_ptr<LogUnderTest>> Open(const std::string& directory) {
    auto log = std::unique_ptr<LogUnderTest>(new LogUnderTest());
    StoreOptions options;
    options.files = MachineFileSystem();
    options.indexes = log->indexes_.get();
    options.clock = &SystemClock();
    options.directories = {directory};
    options.identity = {.cluster = RandomUuid(), .node = RandomUuid()};
    options.random_seed = RandomSeed();
    options.min_free = 0;
    ASSIGN_OR_RETURN(log->store_, Store::Open(options));
    log->commit_ = std::make_unique<GroupCommit>(log->store_.get());
    return log;
  }

  StatusOr<Measurement> Run(std::uint64_t writers, double seconds) {
    return RunClosedLoop(writers, seconds, [this](std::uint64_t, auto done) {
      commit_->Submit(
          PutOf(next_.fetch_add(1), value_, crc_),
          [done = std::move(done)](const WriteOutcome& outcome) { done(outcome.status); });
    });
  }

  Status Close() {
    commit_->Stop();
    return store_->Close();
  }

 private:
  LogUnderTest() = default;
  const std::unique_ptr<KeyValueFactory> indexes_ = NewRocksdbFactory({});
  const SharedBytes value_{Bytes(RandomBytes(kValueBytes, 4))};
  const std::uint32_t crc_ = Crc32c(value_.view());
  std::atomic<std::uint64_t> next_{0};
  std::unique_ptr<Store> store_;
  std::unique_ptr<GroupCommit> commit_;
};

// Both in turn, a slice each: a disk that is quick for a second and slow for the next one is so for
// both.
Status MeasureInTurn(const std::string& directory, std::uint64_t writers, double seconds,
                     Measurement* plain, Measurement* log) {
  constexpr int kSlices = 10;
  ASSIGN_OR_RETURN(auto file, MachineFileSystem()->Create(directory + "/plain"));
  PlainFile calibration(std::move(file));
  ASSIGN_OR_RETURN(const auto under_test, LogUnderTest::Open(directory + "/log"));
  const std::string value = RandomBytes(kValueBytes, 3);
  for (int slice = 0; slice < kSlices; ++slice) {
    ASSIGN_OR_RETURN(const Measurement of_plain,
                     RunClosedLoop(writers, seconds / kSlices, [&](std::uint64_t, auto done) {
                       calibration.Submit(value, std::move(done));
                     }));
    plain->Add(of_plain);
    ASSIGN_OR_RETURN(const Measurement of_log, under_test->Run(writers, seconds / kSlices));
    log->Add(of_log);
  }
  return under_test->Close();
}

}  // namespace

StatusOr<Measurement> MeasurePlainFile(const BenchOptions& options, std::size_t value_bytes,
                                       std::uint64_t writers) {
  ASSIGN_OR_RETURN(const auto directory, TemporaryDirectory::Make(options.directory));
  ASSIGN_OR_RETURN(auto file, MachineFileSystem()->Create(directory->path() + "/plain"));
  PlainFile plain(std::move(file));
  const std::string value = RandomBytes(value_bytes, 3);
  ASSIGN_OR_RETURN(Measurement result,
                   RunClosedLoop(writers, options.seconds, [&](std::uint64_t, auto done) {
                     plain.Submit(value, std::move(done));
                   }));
  result.value_bytes = value_bytes;
  return result;
}

Status RunLogBench(const BenchOptions& options, const Report& report) {
  for (const std::uint64_t writers : {1, 16, 64}) {
    ASSIGN_OR_RETURN(const auto directory, TemporaryDirectory::Make(options.directory));
    Measurement plain{.name = "plain file + fdatasync", .value_bytes = kValueBytes};
    Measurement log{.name = "log append + group commit", .value_bytes = kValueBytes};
    RETURN_IF_ERROR(MeasureInTurn(directory->path(), writers, options.seconds, &plain, &log));
    log.baseline_mb_per_second = plain.mb_per_second();
    report(plain);
    report(log);
  }
  return OkStatus();
}

}  // namespace carillon
