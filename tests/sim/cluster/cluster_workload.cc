#include "tests/sim/cluster/cluster_workload.h"

#include "base/checksum.h"
#include "ring/hash_ring.h"

namespace carillon {
namespace {

constexpr std::uint64_t kAttemptTime = 4 * kSecond;
constexpr std::uint64_t kOperationTime = 30 * kSecond;

bool IsWorthAnother(const Status& status) {
  return status.code() == StatusCode::kUnavailable ||
         status.code() == StatusCode::kDeadlineExceeded ||
         status.code() == StatusCode::kResourceExhausted || status.code() == StatusCode::kAborted ||
         status.code() == StatusCode::kOutOfRange;  // the node's clock is off
}

ChunkKey KeyOf(const std::string& bucket, Epoch epoch, std::uint64_t number) {
  return {.epoch = epoch, .dc = "1", .cell = "c", .type = bucket, .subtype = "", .number = number};
}

Bytes ValueOf(std::uint64_t seed, std::uint64_t number) {
  Random random(seed * 1'000'003 + number);
  Bytes value(random.OneIn(6) ? 900 + random.Below(900) : 8 + random.Below(100), '\0');
  for (char& byte : value) byte = static_cast<char>(random.Next());
  return value;
}

}  // namespace

struct ClusterWorkload::Batch {
  std::string bucket;
  Epoch epoch;
  std::size_t left = 0;  // to be put
  std::vector<ChunkInfo> stored;
};

ClusterWorkload::ClusterWorkload(ClusterShared* shared, const Nodes* nodes)
    : shared_(shared), nodes_(nodes) {}

void ClusterWorkload::Start() {
  if (shared_->settings.writes_per_second != 0) ScheduleNext();
}

void ClusterWorkload::ScheduleNext() {
  const std::uint64_t gap = kSecond / shared_->settings.writes_per_second;
  shared_->events.After(gap / 2 + shared_->random.Below(gap), [this] {
    if (stopped_) return;
    const ClusterSettings& settings = shared_->settings;
    const std::uint64_t within = shared_->events.now() / kMillisecond % settings.burst_every_ms;
    if (settings.burst_ms == 0 || within < settings.burst_ms) DoSomething();
    ScheduleNext();
  });
}

void ClusterWorkload::DoSomething() {
  switch (shared_->random.Below(10)) {
    case 0:
    case 1:
      return GetSome();
    case 2:
      return List();
    case 3:
      return ReadRange();
    case 4:
      return PutAgain();
    default:
      return WriteSecond();
  }
}

std::string ClusterWorkload::AnyBucket() {
  if (!shared_->settings.all_sizes) return kSimBucket;
  constexpr const char* kBuckets[] = {kSimBucket, kSimBucketOfOne, kSimBucketOfTwo};
  return kBuckets[shared_->random.Below(std::size(kBuckets))];
}

HistoryChunk* ClusterWorkload::NewChunk(const std::string& bucket, Epoch epoch) {
  const std::uint64_t number = ++last_chunk_;
  HistoryChunk chunk;
  chunk.value = ValueOf(shared_->seed, number);
  chunk.info = {.key = KeyOf(bucket, epoch, number),
                .events = 1,
                .raw_bytes = chunk.value.size(),
                .value_bytes = static_cast<std::uint32_t>(chunk.value.size()),
                .value_crc = Crc32c(chunk.value)};
  return &history_.chunks.emplace(ToString(chunk.info.key), chunk).first->second;
}

void ClusterWorkload::WriteSecond() {
  const auto batch = std::make_shared<Batch>();
  batch->bucket = AnyBucket();
  const std::uint64_t now = MachineClock::kWallBegin.count() + shared_->events.now() / kSecond;
  batch->epoch = Epoch(now - shared_->random.Below(8));
  batch->left = 1 + shared_->random.Below(3);
  PutNext(batch);
}

namespace {

Input PutInput(RequestId request, const HistoryChunk& chunk) {
  PutChunkInput input;
  input.request = request;
  input.bucket = SimBucketOf(chunk.info.key);
  input.key = ToString(chunk.info.key);
  input.value = Rope(chunk.value);
  input.value_crc = input.computed_crc = chunk.info.value_crc;
  return input;
}

}  // namespace

void ClusterWorkload::HandleOffer(PartitionId partition) {
  if (stopped_ || !shared_->random.OneIn(6)) return;
  const Epoch now(MachineClock::kWallBegin.count() + shared_->events.now() / kSecond);
  for (int i = 0; i < 4; ++i) {
    Put(NewChunkIn(partition, kSimBucket, now),
        std::make_shared<Batch>(Batch{.bucket = kSimBucket, .epoch = now}));
  }
}

void ClusterWorkload::PutInto(PartitionId partition, const std::string& bucket,
                              ClusterNode* through) {
  if (stopped_) return;
  const Epoch now(MachineClock::kWallBegin.count() + shared_->events.now() / kSecond);
  Put(NewChunkIn(partition, bucket, now),
      std::make_shared<Batch>(Batch{.bucket = bucket, .epoch = now}), through);
}

// Requires: as many partitions as in the beginning.
HistoryChunk* ClusterWorkload::NewChunkIn(PartitionId partition, const std::string& bucket,
                                          Epoch epoch) {
  do {
    ++last_chunk_;
  } while (PartitionOf(HashKey(bucket, ToString(KeyOf(bucket, epoch, last_chunk_ + 1))),
                       kMinPartitionBits) != partition);
  return NewChunk(bucket, epoch);
}

void ClusterWorkload::PutNext(const std::shared_ptr<Batch>& batch) {
  if (batch->left == 0) return CommitBatch(batch);
  --batch->left;
  Put(NewChunk(batch->bucket, batch->epoch), batch);
}

void ClusterWorkload::Put(HistoryChunk* chunk, const std::shared_ptr<Batch>& batch,
                          ClusterNode* through) {
  const auto op = std::make_shared<Operation>();
  op->through = through;
  op->what = "PUT " + ToString(chunk->info.key);
  op->input = [chunk](RequestId request) { return PutInput(request, *chunk); };
  op->done = [this, batch, chunk, what = op->what](const Answer& answer) {
    if (answer.status.ok()) {
      ++history_.puts;
      chunk->acknowledged = true;
      acknowledged_.push_back(ToString(chunk->info.key));
      batch->stored.push_back(chunk->info);
      shared_->Tell("{} acknowledged", what);
    } else if (!IsWorthAnother(answer.status)) {
      shared_->Complain(fmt::format("{}: {}", what, ToString(answer.status)));
    }
    PutNext(batch);
  };
  Begin(op);
}

void ClusterWorkload::CommitBatch(const std::shared_ptr<Batch>& batch) {
  if (batch->stored.empty()) return;
  for (const ChunkInfo& info : batch->stored)
    history_.chunks.at(ToString(info.key)).commit_tried = true;
  const auto op = std::make_shared<Operation>();
  op->what = "COMMIT " + batch->bucket + " " + ManifestKey(batch->epoch, "1");
  op->input = [batch](RequestId request) -> Input {
    CommitInput input;
    input.request = request;
    input.commit = {.bucket = batch->bucket,
                    .epoch = batch->epoch,
                    .dc = "1",
                    .chunks = batch->stored,
                    .seal = {}};
    return input;
  };
  op->done = [this, batch, what = op->what](const Answer& answer) {
    if (answer.status.ok()) {
      ++history_.commits;
      for (const ChunkInfo& info : batch->stored)
        history_.chunks.at(ToString(info.key)).committed = true;
      shared_->Tell("{} acknowledged", what);
    } else if (!IsWorthAnother(answer.status)) {
      shared_->Complain(fmt::format("I3: {}: {}", what, ToString(answer.status)));
    }
  };
  Begin(op);
}

const std::string* ClusterWorkload::PickAcknowledged() {
  if (acknowledged_.empty()) return nullptr;
  return &acknowledged_[shared_->random.Below(acknowledged_.size())];
}

void ClusterWorkload::PutAgain() {
  const std::string* key = PickAcknowledged();
  if (key == nullptr) return;
  const HistoryChunk* chunk = &history_.chunks.at(*key);
  const auto op = std::make_shared<Operation>();
  op->what = "PUT again " + *key;
  op->input = [chunk](RequestId request) { return PutInput(request, *chunk); };
  op->done = [this, what = op->what](const Answer& answer) {
    if (answer.status.ok() || IsWorthAnother(answer.status)) return;
    shared_->Complain(fmt::format("{}: {}", what, ToString(answer.status)));
  };
  Begin(op);
}

void ClusterWorkload::GetSome() {
  std::vector<std::string> keys;
  for (int i = 0; i < 3; ++i) {
    const std::string* key = PickAcknowledged();
    if (key == nullptr) break;
    const auto bucket_of = [this](const std::string& one) {
      return SimBucketOf(history_.chunks.at(one).info.key);
    };
    if (keys.empty() || bucket_of(*key) == bucket_of(keys.front())) keys.push_back(*key);
  }
  if (!keys.empty()) Get(std::move(keys));
}

void ClusterWorkload::Get(std::vector<std::string> keys) {
  const auto op = std::make_shared<Operation>();
  op->what = "GET " + keys.front();
  op->input = [keys, bucket = SimBucketOf(history_.chunks.at(keys.front()).info.key)](
                  RequestId request) -> Input {
    return GetChunksInput{.request = request, .bucket = bucket, .keys = keys};
  };
  const auto doubt = std::make_shared<Status>();
  op->on_item = [this, doubt](const StreamItem& item) {
    CheckItem(item, "GET");
    if (!item.status.ok()) *doubt = item.status;
  };
  op->on_end = [this, doubt, weak = std::weak_ptr(op)](const Status& status) {
    const Op self = weak.lock();
    const Status outcome = status.ok() ? *doubt : status;
    *doubt = OkStatus();
    if (outcome.ok()) {
      ++history_.reads;
      return End(self);
    }
    if (IsWorthAnother(outcome)) return TryAgain(self, outcome);
    End(self);
  };
  Begin(op);
}

EpochRange ClusterWorkload::RecentRange() {
  const std::uint64_t now = MachineClock::kWallBegin.count() + shared_->events.now() / kSecond;
  if (shared_->settings.many) return {.first = Epoch(now - 3), .limit = Epoch(now - 1)};
  return {.first = Epoch(now - 15), .limit = Epoch(now + 5)};
}

void ClusterWorkload::List() {
  const EpochRange range = RecentRange();
  const std::string bucket = AnyBucket();
  std::vector<std::string> owed;
  for (const auto& [key, chunk] : history_.chunks) {
    const Epoch epoch = chunk.info.key.epoch;
    const bool is_in_range = epoch >= range.first && epoch < range.limit;
    if (!chunk.committed || !is_in_range || SimBucketOf(chunk.info.key) != bucket) continue;
    owed.push_back(key);
  }
  const auto op = std::make_shared<Operation>();
  op->what = "LIST " + bucket;
  op->input = [bucket, range](RequestId request) -> Input {
    return ListSecondsInput{
        .request = request, .bucket = bucket, .range = range, .filter = {}, .max_chunks = 0};
  };
  op->done = [this, owed](const Answer& answer) {
    if (!answer.status.ok()) return;
    ++history_.reads;
    std::vector<std::string> listed;
    for (const Second& second : std::get<SecondsAnswer>(answer.value).seconds) {
      for (const ChunkInfo& info : second.chunks) {
        listed.push_back(ToString(info.key));
        const auto known = history_.chunks.find(listed.back());
        if (known == history_.chunks.end() || !known->second.commit_tried ||
            known->second.info != info) {
          shared_->Complain(fmt::format("I7: {} is listed and was not committed", listed.back()));
        }
      }
    }
    for (const std::string& key : owed) {
      if (std::find(listed.begin(), listed.end(), key) != listed.end()) continue;
      ++history_.unlisted;
      if (!shared_->settings.nobody_away) continue;
      shared_->Complain(fmt::format("I4: {} was committed and is not listed", key));
    }
    if (!listed.empty() && !stopped_) Get({listed[shared_->random.Below(listed.size())]});
  };
  Begin(op);
}

void ClusterWorkload::ReadRange() {
  const auto op = std::make_shared<Operation>();
  const std::string bucket = AnyBucket();
  op->what = "READ RANGE " + bucket;
  const EpochRange range = RecentRange();
  op->input = [bucket, range](RequestId request) -> Input {
    return ReadRangeInput{.request = request, .bucket = bucket, .range = range, .filter = {}};
  };
  op->on_item = [this](const StreamItem& item) {
    if (item.kind == StreamItem::Kind::kChunk) CheckItem(item, "READ RANGE");
  };
  op->on_end = [this, weak = std::weak_ptr(op)](const Status& status) {
    const Op self = weak.lock();
    if (IsWorthAnother(status)) return TryAgain(self, status);
    if (!status.ok()) shared_->Complain(fmt::format("READ RANGE: {}", ToString(status)));
    ++history_.reads;
    End(self);
  };
  Begin(op);
}

// Of a chunk that was acknowledged, or that a manifest lists.
void ClusterWorkload::CheckItem(const StreamItem& item, std::string_view what) {
  const auto known = history_.chunks.find(item.key);
  if (known == history_.chunks.end()) {
    return shared_->Complain(fmt::format("I7: {} gives {}, which nobody put", what, item.key));
  }
  if (item.status.ok()) {
    if (item.value.view() == known->second.value) return;
    return shared_->Complain(fmt::format("I2: {} gives other bytes of {}", what, item.key));
  }
  if (IsWorthAnother(item.status)) return;
  shared_->Complain(fmt::format("I3: {} {}: {}", what, item.key, ToString(item.status)));
}

void ClusterWorkload::Begin(Op op) {
  ++under_way_;
  op->deadline = shared_->events.now() + kOperationTime;
  Try(op);
}

void ClusterWorkload::End(const Op& op) {
  if (op->over) return;
  op->over = true;
  --under_way_;
}

ClusterNode* ClusterWorkload::AnyNode() {
  for (int tries = 0; tries < 20; ++tries) {
    ClusterNode* node = (*nodes_)[shared_->random.Below(nodes_->size())].get();
    if (node->has_cluster() && !shared_->network.IsCutOff(node->number())) return node;
  }
  return nodes_->front().get();
}

void ClusterWorkload::Try(const Op& op) {
  ClusterNode* through = std::exchange(op->through, nullptr);
  ClusterNode* node = through != nullptr ? through : AnyNode();
  const std::uint64_t attempt = op->current = ++op->attempt;
  shared_->events.After(kAttemptTime, [this, op, attempt] {
    if (op->current == attempt) TryAgain(op, DeadlineExceeded("no answer"));
  });
  const RequestId request = node->NewRequest();
  const auto is_late = [op, attempt] { return op->over || op->current != attempt; };
  if (op->on_item) {
    return node->Open(request, op->input(request),
                      {.on_item =
                           [op, is_late](const StreamItem& item) {
                             if (!is_late()) op->on_item(item);
                           },
                       .on_end =
                           [op, is_late](const Status& status) {
                             if (!is_late()) op->on_end(status);
                           }});
  }
  node->Ask(request, op->input(request), [this, op, is_late](const Answer& answer) {
    if (is_late()) return;
    if (IsWorthAnother(answer.status)) return TryAgain(op, answer.status);
    End(op);
    op->done(answer);
  });
}

void ClusterWorkload::TryAgain(const Op& op, const Status& why) {
  if (op->over) return;
  op->current = 0;
  shared_->Tell("{} fails: {}", op->what, ToString(why));
  if (shared_->events.now() < op->deadline) {
    return shared_->events.After(20 * kMillisecond + shared_->random.Below(300 * kMillisecond),
                                 [this, op] { Try(op); });
  }
  ++history_.failed;
  if (shared_->settings.one_away) {
    shared_->Complain(fmt::format("I18: {} does not succeed: {}", op->what, ToString(why)));
  }
  End(op);
  if (op->done) op->done({.request = {}, .status = why, .value = {}});
}

}  // namespace carillon
