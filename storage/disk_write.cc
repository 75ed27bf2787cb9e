#include <algorithm>
#include <map>

#include "base/check.h"
#include "base/checksum.h"
#include "base/log.h"
#include "storage/planned_write.h"

namespace carillon {
namespace {

constexpr int kMaxWriteFailures = 3;  // in a row: then the disk is given up

SyncMode SyncOf(const WriteRequest& request) {
  if (request.chunk) return request.chunk->sync;
  return request.commit ? request.commit->sync : request.claims->sync;
}

// Of claims: at least a second, so that they are of a class that expires.
std::uint64_t TtlOf(const ClaimSet& set) {
  if (set.expire_at == 0) return 0;
  return set.expire_at > set.claimed_at ? set.expire_at - set.claimed_at : 1;
}

Bytes RecordKeyOf(std::string_view bucket, std::string_view key) {
  Bytes record_key(bucket);
  record_key.push_back('\0');
  record_key.append(key);
  return record_key;
}

std::uint64_t ExpireAt(Epoch epoch, std::uint64_t ttl_seconds) {
  return ttl_seconds == 0 ? 0 : epoch.value() + ttl_seconds;
}

RecordToAppend ChunkRecord(const ChunkWrite& write) {
  RecordToAppend record;
  record.key = RecordKeyOf(write.bucket, ToString(write.key));
  record.value = &write.value;
  record.header = {.type = RecordType::kChunk,
                   .key_bytes = static_cast<std::uint16_t>(record.key.size()),
                   .value_bytes = static_cast<std::uint32_t>(write.value.size()),
                   .epoch = write.key.epoch.value(),
                   .expire_at = ExpireAt(write.key.epoch, write.ttl_seconds),
                   .value_crc = write.value_crc,
                   .ring_position = write.placement.ring_position};
  return record;
}

RecordToAppend CommitRecord(const CommitWrite& write, const Rope* value, std::uint32_t value_crc) {
  RecordToAppend record;
  record.key = RecordKeyOf(write.commit.bucket, ManifestKey(write.commit.epoch, write.commit.dc));
  record.value = value;
  record.header = {.type = RecordType::kManifest,
                   .key_bytes = static_cast<std::uint16_t>(record.key.size()),
                   .value_bytes = static_cast<std::uint32_t>(value->size()),
                   .epoch = write.commit.epoch.value(),
                   .expire_at = ExpireAt(write.commit.epoch, write.ttl_seconds),
                   .value_crc = value_crc,
                   .ring_position = write.placement.ring_position};
  return record;
}

// What was "there already" may have been there only in this very batch: when a part of it fails,
// none of those is acknowledged.
void FailDuplicates(const Status& status, std::vector<WriteOutcome>* outcomes) {
  for (WriteOutcome& outcome : *outcomes) {
    if (outcome.status.ok() && outcome.already_stored) outcome.status = status;
  }
}

}  // namespace

IndexUpdate Disk::NewUpdate(IndexUpdate::Purpose purpose) const {
  return IndexUpdate(
      index_.get(),
      [this](SegmentId id) {
        return id == SegmentId(0) || segments_.Reader(id) != nullptr;  // 0: of this very batch
      },
      purpose);
}

// Looks up all chunks of a batch at once, and the claims of each request.
Status Disk::FetchEntries(std::span<const WriteRequest> requests, IndexUpdate* overlay) const {
  std::vector<Bytes> keys;
  for (const WriteRequest& request : requests) {
    if (request.claims) {
      RETURN_IF_ERROR(overlay->FetchClaims(request.claims->bucket, request.claims->set.claims,
                                           partition_bits_));
    }
    if (!request.chunk) continue;
    const ChunkWrite& write = *request.chunk;
    keys.push_back(KeyAt(write.placement.ring_position, write.bucket, write.key));
  }
  return overlay->FetchChunks(keys);
}

LogStream* Disk::StreamOf(std::uint32_t ttl_class) {
  auto& stream = streams_[ttl_class];
  if (stream == nullptr) stream = std::make_unique<LogStream>(&log_, ttl_class);
  return stream.get();
}

// Whether an entry's record is there and whole. It is read: "already stored" is an acknowledgement,
// and an index made anew from heads alone may know records whose values are damaged.
bool Disk::IsServed(const ChunkWrite& write, const ChunkEntry& entry) const {
  if (entry.location.segment == SegmentId(0)) return true;  // of this very batch
  const auto reader = segments_.Reader(entry.location.segment);
  if (reader == nullptr || IsQuarantined(entry.location)) return false;
  const auto record = reader->Read(entry.location);
  const Bytes record_key = RecordKeyOf(write.bucket, ToString(write.key));
  const bool whole =
      record.ok() && record->key == record_key && record->header.value_crc == entry.value_crc;
  if (!whole) {
    NoteDamage({.segment = entry.location.segment,
                .offset = entry.location.offset,
                .limit = entry.location.offset + entry.location.record_bytes,
                .sequence = entry.sequence,
                .ring_position = write.placement.ring_position,
                .record_key = record_key,
                .reason = ToString(record.status())});
  }
  return whole;
}

// Whether the chunk is to be appended; if not, `outcome` says why.
bool Disk::PlanChunk(const ChunkWrite& write, IndexUpdate* overlay, WriteOutcome* outcome,
                     PlannedItem* item) const {
  const PartitionId partition = PartitionAt(write.placement.ring_position, partition_bits_);
  const auto before = overlay->FindChunk(partition, write.bucket, write.key);
  outcome->status = before.status();
  if (!before.ok()) return false;
  if (*before) {
    const ChunkEntry& entry = **before;
    if (entry.value_crc != write.value_crc || entry.value_bytes != write.value.size()) {
      outcome->status = AlreadyExists("{} holds other bytes: crc {:08x}, these have {:08x}",
                                      ToString(write.key), entry.value_crc, write.value_crc);
      return false;
    }
    item->repairs = !IsServed(write, entry);
    item->repaired = entry.location;
    outcome->already_stored = !item->repairs;
    if (!item->repairs) return false;
  }
  overlay->PutChunk(
      partition, write.bucket, write.key,
      {.value_bytes = static_cast<std::uint32_t>(write.value.size()), .value_crc = write.value_crc},
      item->repairs);
  return true;
}

bool Disk::PlanCommit(const CommitWrite& write, IndexUpdate* overlay, WriteOutcome* outcome) const {
  const auto news = overlay->AddCommit(
      PartitionAt(write.placement.ring_position, partition_bits_), write.commit, SegmentId(0),
      ExpireAt(write.commit.epoch, write.ttl_seconds), NowSeconds());
  outcome->status = news.status();
  outcome->already_stored = news.ok() && *news == 0;
  return news.ok() && *news > 0;
}

// Decides for each request, in order and as if those before it were done, whether it is refused,
// there already, or to be appended.
Disk::PlannedWrite Disk::Plan(std::span<const WriteRequest> requests,
                              std::vector<WriteOutcome>* outcomes) const {
  PlannedWrite plan;
  IndexUpdate overlay = NewUpdate(IndexUpdate::Purpose::kLookAhead);  // what the index will be
  if (const Status fetched = FetchEntries(requests, &overlay); !fetched.ok()) {
    for (WriteOutcome& outcome : *outcomes) outcome.status = fetched;
    return plan;
  }
  bool repeat_syncs = false;  // a repeat is to be synced, and what it repeats may not have been
  for (std::size_t i = 0; i < requests.size(); ++i) {
    PlanOne(requests[i], i, &overlay, &plan, &(*outcomes)[i]);
    repeat_syncs =
        repeat_syncs || ((*outcomes)[i].already_stored && SyncOf(requests[i]) == SyncMode::kAlways);
  }
  if (repeat_syncs) {
    for (const auto& [ttl_class, stream] : streams_) {
      if (stream->needs_sync()) plan.classes[ttl_class];
    }
    for (auto& [ttl_class, of_class] : plan.classes) of_class.sync = true;
  }
  return plan;
}

void Disk::PlanOne(const WriteRequest& request, std::size_t place, IndexUpdate* overlay,
                   PlannedWrite* plan, WriteOutcome* outcome) const {
  const auto& [chunk, commit, claims] = request;
  CHECK(chunk.has_value() + commit.has_value() + claims.has_value() == 1);
  // What will be refused for want of space must not look stored to those after it.
  const bool full = space_.full();
  IndexUpdate alone = NewUpdate(IndexUpdate::Purpose::kLookAhead);
  IndexUpdate* seen = full ? &alone : overlay;
  std::vector<PlannedItem> items(1);
  std::uint64_t ttl_seconds = 0;
  if (claims) {
    PlanClaims(*claims, seen, outcome, &items);
    ttl_seconds = TtlOf(claims->set);
  } else if (chunk) {
    if (!PlanChunk(*chunk, seen, outcome, &items.front())) items.clear();
    ttl_seconds = chunk->ttl_seconds;
  } else {
    if (!PlanCommit(*commit, seen, outcome)) items.clear();
    ttl_seconds = commit->ttl_seconds;
  }
  if (items.empty()) return;
  if (full) {
    outcome->status =
        ResourceExhausted("the disk is full: less than {} % is free", options_.min_free * 100);
    return;
  }
  auto& of_class = plan->classes[TtlClass(ttl_seconds)];
  of_class.sync = of_class.sync || SyncOf(request) == SyncMode::kAlways;
  of_class.sync_soon = of_class.sync_soon || SyncOf(request) == SyncMode::kInterval;
  for (PlannedItem& item : items) {
    item.request = place;
    if (chunk) {
      of_class.records.push_back(ChunkRecord(*chunk));
    } else {
      plan->values.push_back(std::make_unique<Rope>(commit ? EncodeCommitValue(commit->commit)
                                                           : ClaimsValueOf(*claims, item)));
      const Rope* value = plan->values.back().get();
      of_class.records.push_back(commit ? CommitRecord(*commit, value, Crc32c(*value))
                                        : ClaimsRecord(*claims, item, value));
    }
    of_class.items.push_back(std::move(item));
  }
}

// Bytes: appends and syncs class by class; requests whose class fails get its error.
void Disk::AppendPlanned(PlannedWrite* plan, std::vector<WriteOutcome>* outcomes) {
  const std::uint64_t now = NowSeconds();
  for (auto& [ttl_class, of_class] : plan->classes) {
    LogStream* stream = StreamOf(ttl_class);
    StatusOr<std::vector<RecordLocation>> appended = std::vector<RecordLocation>();
    if (failed_) {
      appended = Unavailable("the disk failed and is read-only");
    } else if (!of_class.records.empty()) {
      appended = stream->Append(of_class.records, now);
    }
    Status status = appended.status();
    const auto position = stream->position();
    const SegmentId segment = position ? position->segment : SegmentId(0);
    if (of_class.sync_soon) stream->WantSync();
    if (status.ok() && of_class.sync) {
      status = stream->Sync();
      ++syncs_;
    }
    if (stream->sync_failed() && !failed_) HandleSyncFailure(status, segment);
    if (status.code() == StatusCode::kResourceExhausted) space_.HandleNoSpace();
    if (status.code() == StatusCode::kUnavailable &&
        ++consecutive_write_failures_ >= kMaxWriteFailures) {
      if (!failed_.exchange(true)) {
        LogError("{}: {} writes failed in a row: read-only from here on", directory_.path,
                 consecutive_write_failures_);
      }
    }
    if (status.ok()) consecutive_write_failures_ = 0;
    of_class.appended = status.ok();
    plan->failed = plan->failed || !status.ok();
    if (!status.ok()) FailDuplicates(status, outcomes);
    for (std::size_t i = 0; i < of_class.items.size(); ++i) {
      PlannedItem& item = of_class.items[i];
      if (!status.ok()) {
        (*outcomes)[item.request].status = status;
        continue;
      }
      item.location = (*appended)[i];
      item.sequence = of_class.records[i].header.sequence;
      appended_bytes_ += item.location.record_bytes;
      log_bytes_since_flush_ += item.location.record_bytes;
    }
  }
}

void Disk::RegisterSegments(IndexUpdate* update) {
  for (const auto& [ttl_class, stream] : streams_) {
    for (const SegmentEntry& entry : stream->TakeChanged()) update->PutSegment(entry);
  }
}

// Index: entries, digests, and how far the index now covers the logs, in one step.
Status Disk::IndexPlanned(const PlannedWrite& plan, std::span<const WriteRequest> requests) {
  IndexUpdate update = NewUpdate(IndexUpdate::Purpose::kApply);
  const std::uint64_t now = NowSeconds();
  for (const auto& [ttl_class, of_class] : plan.classes) {
    if (!of_class.appended) continue;
    for (const PlannedItem& item : of_class.items) {
      if (const auto& chunk = requests[item.request].chunk) {
        update.PutChunk(PartitionAt(chunk->placement.ring_position, partition_bits_), chunk->bucket,
                        chunk->key,
                        {.location = item.location,
                         .value_bytes = static_cast<std::uint32_t>(chunk->value.size()),
                         .value_crc = chunk->value_crc,
                         .expire_at = ExpireAt(chunk->key.epoch, chunk->ttl_seconds),
                         .sequence = item.sequence},
                        item.repairs);
        if (!item.repairs) continue;
        ++repaired_;
        const std::lock_guard lock(quarantine_mutex_);
        quarantine_.erase({item.repaired.segment, item.repaired.offset});
        update.DeleteQuarantine(item.repaired.segment, item.repaired.offset);
      } else if (const auto& claims = requests[item.request].claims) {
        RETURN_IF_ERROR(IndexClaims(*claims, item, plan.failed, &update));
      } else {
        const CommitWrite& write = *requests[item.request].commit;
        RETURN_IF_ERROR(update
                            .AddCommit(PartitionAt(write.placement.ring_position, partition_bits_),
                                       write.commit, item.location.segment,
                                       ExpireAt(write.commit.epoch, write.ttl_seconds), now)
                            .status());
      }
    }
    const auto position = streams_.at(ttl_class)->position();
    if (position) update.PutPosition(ttl_class, *position);
  }
  RegisterSegments(&update);
  return index_->Apply(&update);
}

std::vector<WriteOutcome> Disk::WriteBatch(std::span<const WriteRequest> requests) {
  std::vector<WriteOutcome> outcomes(requests.size());
  if (renumbering_) {
    for (WriteOutcome& outcome : outcomes) outcome.status = Renumbering();
    return outcomes;
  }
  PlannedWrite plan = Plan(requests, &outcomes);
  if (plan.classes.empty()) return outcomes;
  ++batches_;
  AppendPlanned(&plan, &outcomes);
  const Status indexed = IndexPlanned(plan, requests);
  if (indexed.ok()) return outcomes;
  // The bytes are there, their entries are not: after a restart they may appear, so the answer is
  // "unknown", and the same write may be sent again.
  LogError("{}: {}", directory_.path, ToString(indexed));
  if (indexed.code() == StatusCode::kResourceExhausted) space_.HandleNoSpace();
  FailDuplicates(indexed, &outcomes);
  for (const auto& [ttl_class, of_class] : plan.classes) {
    if (!of_class.appended) continue;
    for (const PlannedItem& item : of_class.items) outcomes[item.request].status = indexed;
  }
  return outcomes;
}

std::vector<WriteOutcome> Disk::Write(std::span<const WriteRequest> requests) {
  const std::lock_guard writing(write_mutex_);
  std::vector<WriteOutcome> outcomes;
  if (failed_) {
    // Not even "already stored" is true of what a failed disk may not have kept.
    const WriteOutcome refused{.status = Unavailable("the disk failed and is read-only")};
    outcomes.assign(requests.size(), refused);
    return outcomes;
  }
  std::uint64_t generation = 0;
  {
    const std::shared_lock lock(index_mutex_);
    generation = index_generation_;
    outcomes = WriteBatch(requests);
  }
  // Only a damaged index says DATA_LOSS to a write. It is derived: make it anew and write again.
  const bool damaged = std::any_of(outcomes.begin(), outcomes.end(), [](const WriteOutcome& o) {
    return o.status.code() == StatusCode::kDataLoss;
  });
  if (!damaged || !RebuildIndex(generation).ok()) return outcomes;
  const std::shared_lock lock(index_mutex_);
  return WriteBatch(requests);
}

}  // namespace carillon
