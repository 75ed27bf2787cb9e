#include "client/second_writer.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/checksum.h"
#include "base/random.h"
#include "client/commit_ledger.h"
#include "client/dictionary_shelf.h"
#include "client/second_batcher.h"
#include "crunch/dictionary_maker.h"

namespace carillon {
namespace {

// Batches of raw events that wait for a compressor: each about three chunks large.
constexpr std::size_t kMaxWaitingBatches = 8;
constexpr std::size_t kMaxCompressors = 2;
// How often a put takes a new writer's number when its own is somebody else's.
constexpr int kMaxRenumberings = 4;

std::uint64_t RandomWriter() {
  return RandomSeed() % CommitLedger::kMaxWriter + 1;
}

// The batcher decides on the caller's thread, the ledger under the lock; compressors turn batches
// into chunks, and the client's threads bring the answers.
class ClientSecondWriter final : public SecondWriter {
 public:
  ClientSecondWriter(Client* client, SecondWriterOptions options);
  ~ClientSecondWriter() override;

  Status Add(Epoch epoch, std::string_view type, std::string_view subtype,
             std::string_view event) override;
  Status CommitSecond(Epoch epoch, bool seal) override;
  Status Finish() override;
  SecondWriterStats stats() const override;

 private:
  struct Job {
    RoundId round;
    EventBatch batch;
  };
  // A chunk on its way: kept to be put again under another key.
  struct Put {
    RoundId round;
    ChunkInfo info;
    SharedBytes value;
    int renumberings = 0;
  };
  struct Learned {
    std::string type;
    std::string subtype;
    std::size_t raw_bytes = 0;
    std::size_t value_bytes = 0;
  };

  Status Carry(BatcherEffects effects);
  Status Enqueue(EventBatch batch);
  void CompressUntilStopped();
  std::vector<EncodedChunk> Encode(const EventBatch& batch);
  std::vector<Put> Pack(Job job);
  void SendPut(Put put);
  void HandlePut(Put put, const Status& status);
  bool Renumber(Put* put);
  void SendCommits(std::vector<CommitOrder> orders);
  void HandleCommit(RoundId round, const Status& status);
  void Break(const Status& status);

  Client* const client_;
  const SecondWriterOptions options_;
  SecondBatcher batcher_;  // the caller's thread only
  std::optional<DictionaryMaker> dictionaries_;
  std::atomic<std::uint64_t> events_{0};
  std::atomic<std::uint64_t> raw_bytes_{0};
  std::atomic<bool> broken_{false};  // failure_ is set

  mutable std::mutex mutex_;       // guards what follows, but the threads
  std::condition_variable work_;   // for compressors
  std::condition_variable space_;  // for the caller
  CommitLedger ledger_;
  std::deque<Job> jobs_;
  std::vector<Learned> learned_;
  std::size_t in_flight_ = 0;  // batches, puts, and commits
  bool stopping_ = false;      // nothing more is committed
  Status failure_;
  SecondWriterStats acknowledged_;
  std::vector<std::thread> compressors_;
};

ClientSecondWriter::ClientSecondWriter(Client* client, SecondWriterOptions options)
    : client_(client),
      options_(std::move(options)),
      batcher_({.max_chunk_bytes = options_.max_chunk_bytes,
                .max_buffered_bytes = options_.max_buffered_bytes,
                .max_open_seconds = options_.max_open_seconds}),
      ledger_({.bucket = options_.bucket, .dc = options_.dc, .cell = options_.cell},
              options_.writer != 0 ? options_.writer : RandomWriter()) {
  if (options_.dictionaries) dictionaries_.emplace(DictionariesIn(client));
  const std::size_t cores = std::max(1u, std::thread::hardware_concurrency());
  for (std::size_t i = 0; i < std::min(cores, kMaxCompressors); ++i) {
    compressors_.emplace_back([this] { CompressUntilStopped(); });
  }
}

ClientSecondWriter::~ClientSecondWriter() {
  {
    std::unique_lock lock(mutex_);
    stopping_ = true;
    in_flight_ -= jobs_.size();
    jobs_.clear();
    work_.notify_all();
    space_.wait(lock, [this] { return in_flight_ == 0; });
  }
  for (std::thread& compressor : compressors_) compressor.join();
}

Status ClientSecondWriter::Add(Epoch epoch, std::string_view type, std::string_view subtype,
                               std::string_view event) {
  if (broken_.load(std::memory_order_relaxed)) [[unlikely]]
    return Carry({});
  BatcherEffects effects;
  RETURN_IF_ERROR(batcher_.Add(epoch, type, subtype, event, &effects));
  // Only this thread writes them.
  events_.store(events_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  raw_bytes_.store(raw_bytes_.load(std::memory_order_relaxed) + event.size() + 1,
                   std::memory_order_relaxed);
  if (effects.empty()) return OkStatus();
  return Carry(std::move(effects));
}

Status ClientSecondWriter::CommitSecond(Epoch epoch, bool seal) {
  BatcherEffects effects;
  batcher_.Close(epoch, seal, &effects);
  return Carry(std::move(effects));
}

Status ClientSecondWriter::Finish() {
  BatcherEffects effects;
  batcher_.CloseAll(&effects);
  RETURN_IF_ERROR(Carry(std::move(effects)));
  std::unique_lock lock(mutex_);
  space_.wait(lock, [this] { return in_flight_ == 0; });
  return failure_;
}

SecondWriterStats ClientSecondWriter::stats() const {
  const std::lock_guard lock(mutex_);
  SecondWriterStats stats = acknowledged_;
  stats.events = events_.load(std::memory_order_relaxed);
  stats.raw_bytes = raw_bytes_.load(std::memory_order_relaxed);
  if (dictionaries_) stats.dictionaries = dictionaries_->adopted();
  return stats;
}

Status ClientSecondWriter::Carry(BatcherEffects effects) {
  for (EventBatch& batch : effects.batches) RETURN_IF_ERROR(Enqueue(std::move(batch)));
  std::vector<CommitOrder> orders;
  std::vector<Learned> learned;
  {
    const std::lock_guard lock(mutex_);
    if (!failure_.ok()) return failure_;
    for (const ClosedSecond& closed : effects.closed) {
      ledger_.Close(closed.epoch, closed.seal, &orders);
    }
    in_flight_ += orders.size();
    learned.swap(learned_);
  }
  for (const Learned& seen : learned) {
    batcher_.Learn(seen.type, seen.subtype, seen.raw_bytes, seen.value_bytes);
  }
  SendCommits(std::move(orders));
  return OkStatus();
}

// Waits for room: this is where Add feels that the cluster is slower than its caller.
Status ClientSecondWriter::Enqueue(EventBatch batch) {
  std::unique_lock lock(mutex_);
  space_.wait(lock, [this] {
    return !failure_.ok() ||
           (in_flight_ < options_.max_in_flight && jobs_.size() < kMaxWaitingBatches);
  });
  if (!failure_.ok()) return failure_;
  ++in_flight_;
  const RoundId round = ledger_.StartPart(batch.epoch);
  jobs_.push_back({.round = round, .batch = std::move(batch)});
  work_.notify_one();
  return OkStatus();
}

void ClientSecondWriter::CompressUntilStopped() {
  while (true) {
    std::unique_lock lock(mutex_);
    work_.wait(lock, [this] { return stopping_ || !jobs_.empty(); });
    if (jobs_.empty()) return;
    Job job = std::move(jobs_.front());
    jobs_.pop_front();
    space_.notify_all();
    lock.unlock();
    for (Put& put : Pack(std::move(job))) SendPut(std::move(put));
  }
}

std::vector<EncodedChunk> ClientSecondWriter::Encode(const EventBatch& batch) {
  std::shared_ptr<const Dictionary> dictionary;
  if (dictionaries_ && batch.lines.size() <= kMaxRawBytesWithDictionary) {
    const ChunkKey key{batch.epoch, options_.dc, options_.cell, batch.type, batch.subtype};
    dictionary = dictionaries_->Choose(DictionaryKeyOf(key, options_.bucket, 0), batch.lines);
  }
  return EncodeLines(batch.lines, options_.max_chunk_bytes, dictionary.get());
}

// The chunks of a batch, numbered and counted as in flight.
std::vector<ClientSecondWriter::Put> ClientSecondWriter::Pack(Job job) {
  std::vector<EncodedChunk> chunks = Encode(job.batch);
  const EventBatch& batch = job.batch;
  Learned learned{batch.type, batch.subtype, batch.lines.size(), 0};
  for (const EncodedChunk& chunk : chunks) learned.value_bytes += chunk.value.size();
  std::vector<Put> puts;
  const std::lock_guard lock(mutex_);
  learned_.push_back(std::move(learned));
  ledger_.SplitPart(job.round, chunks.size());
  in_flight_ += chunks.size() - 1;
  for (EncodedChunk& chunk : chunks) {
    ChunkInfo info{.key = ledger_.NextKey(batch.epoch, batch.type, batch.subtype),
                   .events = chunk.events,
                   .raw_bytes = chunk.raw_bytes,
                   .value_bytes = static_cast<std::uint32_t>(chunk.value.size()),
                   .value_crc = Crc32c(chunk.value)};
    puts.push_back({job.round, std::move(info), SharedBytes(std::move(chunk.value))});
  }
  return puts;
}

void ClientSecondWriter::SendPut(Put put) {
  const ChunkKey key = put.info.key;
  const SharedBytes value = put.value;
  client_->PutChunkAsync(options_.bucket, key, value,
                         [this, put = std::move(put)](StatusOr<PutReply> reply) mutable {
                           HandlePut(std::move(put), reply.status());
                         });
}

void ClientSecondWriter::HandlePut(Put put, const Status& status) {
  if (status.code() == StatusCode::kAlreadyExists && Renumber(&put)) {
    return SendPut(std::move(put));
  }
  if (!status.ok()) return Break(Annotate(status, fmt::format("put {}", ToString(put.info.key))));
  std::vector<CommitOrder> orders;
  {
    const std::lock_guard lock(mutex_);
    ++acknowledged_.chunks;
    acknowledged_.value_bytes += put.info.value_bytes;
    ledger_.HandleStored(put.round, std::move(put.info), &orders);
    if (stopping_ || !failure_.ok()) orders.clear();
    in_flight_ += orders.size();
  }
  SendCommits(std::move(orders));
  const std::lock_guard lock(mutex_);
  --in_flight_;
  space_.notify_all();
}

bool ClientSecondWriter::Renumber(Put* put) {
  if (++put->renumberings > kMaxRenumberings) return false;
  const std::lock_guard lock(mutex_);
  ChunkKey& key = put->info.key;
  ledger_.ChangeWriter(key, RandomWriter());
  key = ledger_.NextKey(key.epoch, key.type, key.subtype);
  return true;
}

void ClientSecondWriter::SendCommits(std::vector<CommitOrder> orders) {
  for (const CommitOrder& order : orders) {
    client_->CommitSecondAsync(order.commit, [this, round = order.round](const Status& status) {
      HandleCommit(round, status);
    });
  }
}

void ClientSecondWriter::HandleCommit(RoundId round, const Status& status) {
  if (!status.ok()) return Break(Annotate(status, "commit of a second"));
  std::vector<CommitOrder> orders;
  {
    const std::lock_guard lock(mutex_);
    ++acknowledged_.seconds;
    ledger_.HandleCommitted(round, &orders);
    if (stopping_ || !failure_.ok()) orders.clear();
    in_flight_ += orders.size();
  }
  SendCommits(std::move(orders));
  const std::lock_guard lock(mutex_);
  --in_flight_;
  space_.notify_all();
}

// The first failure stays. What is in flight ends by itself.
void ClientSecondWriter::Break(const Status& status) {
  const std::lock_guard lock(mutex_);
  if (failure_.ok()) failure_ = status;
  broken_.store(true, std::memory_order_relaxed);
  in_flight_ -= jobs_.size();
  jobs_.clear();
  --in_flight_;
  space_.notify_all();
}

}  // namespace

std::unique_ptr<SecondWriter> SecondWriter::Create(Client* client, SecondWriterOptions options) {
  CHECK(options.max_chunk_bytes > 0 && options.max_chunk_bytes <= kMaxChunkBytesLimit);
  CHECK(options.max_in_flight > 0);
  CHECK(options.writer <= CommitLedger::kMaxWriter);
  return std::make_unique<ClientSecondWriter>(client, std::move(options));
}

}  // namespace carillon
