#include <algorithm>

#include "base/log.h"
#include "storage/disk.h"
#include "storage/retention.h"

namespace carillon {
namespace {

constexpr std::size_t kEntriesPerUpdate = 2000;
// Of a segment that goes, at a time: writes wait meanwhile.
constexpr std::size_t kEntriesPerMaintain = 50'000;

}  // namespace

void Disk::Maintain() {
  const std::lock_guard writing(write_mutex_);
  const std::shared_lock lock(index_mutex_);
  if (index_ == nullptr) return;  // it could not be made anew
  const std::uint64_t now = NowSeconds();
  if (!failed_) MaintainStreams(now);
  PersistQuarantine();
  if (const Status status = FlushIndexIfDue(); !status.ok()) {
    LogError("{}: index flush: {}", directory_.path, ToString(status));
  }
  if (!failed_ && !renumbering_) {
    if (const Status status = DropSegments(now); !status.ok()) {
      LogError("{}: retention: {}", directory_.path, ToString(status));
    }
  }
  CheckSpace();
}

void Disk::CheckSpace() {
  if (const auto space = space_.Check(); !space.ok()) {
    LogWarning("{}: {}", directory_.path, ToString(space.status()));
  }
}

// Syncs what waits for an interval, seals what is old, marks what is synced and has come to rest.
void Disk::MaintainStreams(std::uint64_t now) {
  const bool quiet = log_.next_sequence == last_sequence_;
  for (const auto& [ttl_class, stream] : streams_) {
    const std::uint64_t window = ttl_class == 0 ? options_.segment_window_seconds
                                                : std::min(options_.segment_window_seconds,
                                                           std::uint64_t{450} << (ttl_class - 1));
    Status status = stream->sync_wanted() ? stream->Sync() : OkStatus();
    const bool at_rest = stream->IsAtRest();
    const std::uint64_t since = stream->active_since();
    // Data that never expires gains nothing from more, smaller segments.
    if (status.ok() && ttl_class != 0 && since != 0 && since + window <= now) {
      status = stream->Seal().status();
    } else if (status.ok() && at_rest) {
      status = stream->Mark();
    }
    if (stream->sync_failed() && !failed_) {
      const auto position = stream->position();
      HandleSyncFailure(status, position ? position->segment : SegmentId(0));
    } else if (!status.ok()) {
      LogWarning("{}: {}", directory_.path, ToString(status));
    }
  }
  last_sequence_ = log_.next_sequence;
  if (quiet) return;
  IndexUpdate update(index_.get());
  RegisterSegments(&update);
  for (const auto& [ttl_class, stream] : streams_) {
    if (const auto position = stream->position()) update.PutPosition(ttl_class, *position);
  }
  if (const Status status = index_->Apply(&update); !status.ok()) {
    LogWarning("{}: {}", directory_.path, ToString(status));
  }
}

Status Disk::FlushIndexIfDue() {
  if (log_bytes_since_flush_ < options_.flush_log_bytes) return OkStatus();
  RETURN_IF_ERROR(index_->FlushSoon());
  log_bytes_since_flush_ = 0;
  return OkStatus();
}

void Disk::PersistQuarantine() {
  IndexUpdate update(index_.get());
  {
    const std::lock_guard lock(quarantine_mutex_);
    for (const QuarantineEntry& entry : new_damage_) {
      const bool repaired = !quarantine_.contains({entry.segment, entry.offset});
      if (!repaired) update.PutQuarantine(entry);
    }
    new_damage_.clear();
  }
  if (update.empty()) return;
  if (const Status status = index_->Apply(&update); !status.ok()) {
    LogWarning("{}: {}", directory_.path, ToString(status));
  }
}

Status Disk::DropSegments(std::uint64_t now) {
  ASSIGN_OR_RETURN(const DiskSpace space, options_.files->Space(directory_.path));
  const RetentionRules rules{.expiry_grace_seconds = options_.expiry_grace_seconds,
                             .watermark_free = options_.watermark_free};
  for (const SegmentDrop& drop : PlanRetention(segments_.Entries(), now, space, rules)) {
    ASSIGN_OR_RETURN(const bool dropped, DropSegment(drop.id));
    if (!dropped) return OkStatus();  // the rest of it next time
    if (drop.reason == DropReason::kExpired) {
      ++expired_;
      LogInfo("segment {}: expired and removed", drop.id);
    } else {
      ++for_space_;
      LogWarning("segment {}: removed before its time: the disk is above its watermark", drop.id);
    }
  }
  return OkStatus();
}

// Entries first, then the file: a crash in between leaves a file that the index does not know,
// which the next start removes. False: it has more entries than go at a time.
StatusOr<bool> Disk::DropSegment(SegmentId id) {
  const auto reader = segments_.Reader(id);
  if (reader == nullptr) return true;
  ASSIGN_OR_RETURN(const bool removed, RemoveEntriesOf(*reader));
  if (!removed) return false;
  IndexUpdate update(index_.get());
  update.DeleteSegment(id);
  {
    const std::lock_guard lock(quarantine_mutex_);
    for (auto it = quarantine_.lower_bound({id, 0});
         it != quarantine_.end() && it->first.first == id; it = quarantine_.erase(it)) {
      update.DeleteQuarantine(id, it->first.second);
    }
  }
  RETURN_IF_ERROR(index_->Apply(&update));
  RETURN_IF_ERROR(index_->RemoveEmptyDigests(/*prefix=*/{}));
  RETURN_IF_ERROR(index_->Flush());
  segments_.Remove(id);
  RETURN_IF_ERROR(options_.files->Remove(directory_.SegmentPath(id)));
  RETURN_IF_ERROR(options_.files->SyncDirectory(directory_.segments()));
  return true;
}

// Goes on where it stopped the last time, if that was in this segment.
StatusOr<bool> Disk::RemoveEntriesOf(const SegmentReader& reader) {
  const SegmentId id = reader.header().id;
  const std::uint64_t from = removed_.first == id ? removed_.second : kSegmentHeaderBytes;
  SegmentScanner scanner(&reader.file(), reader.header(), from, /*read_values=*/false);
  IndexUpdate update(index_.get());
  std::size_t removed = 0;
  while (true) {
    ASSIGN_OR_RETURN(const ScanItem item, scanner.Next());
    if (item.kind == ScanItem::Kind::kEnd) break;
    if (item.kind == ScanItem::Kind::kDamage) continue;
    const PartitionId partition = PartitionAt(item.header.ring_position, partition_bits_);
    const auto record_key = SplitRecordKey(item.key);
    if (!record_key.ok()) continue;
    if (item.header.type == RecordType::kChunk) {
      const auto key = ParseChunkKey(record_key->key);
      if (!key.ok()) continue;
      RETURN_IF_ERROR(update.RemoveChunk(partition, record_key->bucket, *key, id));
    } else if (item.header.type == RecordType::kManifest && item.value_status.ok()) {
      Commit commit;
      commit.bucket = record_key->bucket;
      commit.epoch = Epoch(item.header.epoch);
      commit.dc = record_key->key.substr(record_key->key.find('-') + 1);
      if (!DecodeCommitValue(item.value, &commit).ok()) continue;
      for (const ChunkInfo& chunk : commit.chunks) {
        RETURN_IF_ERROR(update.RemoveManifestEntry(partition, commit.bucket, chunk.key, id));
      }
    } else if (item.header.type == RecordType::kClaims && item.value_status.ok()) {
      RETURN_IF_ERROR(RemoveClaimsOf(record_key->bucket, item.value, id, &update));
    }
    if (update.changes() < kEntriesPerUpdate) continue;
    removed += update.changes();
    RETURN_IF_ERROR(index_->Apply(&update));
    update = IndexUpdate(index_.get());
    removed_ = {id, item.limit};
    if (removed >= kEntriesPerMaintain) return false;
  }
  RETURN_IF_ERROR(index_->Apply(&update));
  return true;
}

Status Disk::Scrub(std::uint64_t bytes) {
  std::uint64_t read = 0;
  for (const SegmentEntry& entry : segments_.Entries()) {
    if (!entry.sealed || entry.id < scrub_at_.first) continue;
    const auto reader = segments_.Reader(entry.id);
    if (reader == nullptr) continue;
    const std::uint64_t from =
        std::max(kSegmentHeaderBytes, entry.id == scrub_at_.first ? scrub_at_.second : 0);
    SegmentScanner scanner(&reader->file(), reader->header(), from, /*read_values=*/true);
    while (true) {
      ASSIGN_OR_RETURN(const ScanItem item, scanner.Next());
      if (item.kind == ScanItem::Kind::kEnd) break;
      read += item.limit - item.offset;
      const bool bad = item.kind == ScanItem::Kind::kDamage || !item.value_status.ok();
      if (bad && !IsDead(item, entry.id)) {
        const bool torn = item.kind == ScanItem::Kind::kDamage;
        NoteDamage({.segment = entry.id,
                    .offset = item.offset,
                    .limit = item.limit,
                    .sequence = item.header.sequence,
                    .ring_position = item.header.ring_position,
                    .record_key = item.key,
                    .reason = torn ? item.reason : std::string(Message(item.value_status))});
      }
      scrub_at_ = {entry.id, item.limit};
      if (read >= bytes) return OkStatus();
    }
    scrub_at_ = {SegmentId(entry.id.value() + 1), 0};
  }
  scrub_at_ = {};  // a round is done
  return OkStatus();
}

// Whether the index no longer refers to a record: punched out, or written anew elsewhere.
bool Disk::IsDead(const ScanItem& item, SegmentId segment) const {
  if (item.kind != ScanItem::Kind::kRecord || item.header.type != RecordType::kChunk) return false;
  const auto record_key = SplitRecordKey(item.key);
  if (!record_key.ok()) return false;
  const auto key = ParseChunkKey(record_key->key);
  if (!key.ok()) return false;
  const std::shared_lock lock = LockIndex();
  if (renumbering_) return true;  // unknown: the next round sees it
  const auto entry = index_->FindChunk(KeyAt(item.header.ring_position, record_key->bucket, *key));
  return entry.ok() && (!*entry || (*entry)->location.segment != segment ||
                        (*entry)->location.offset != item.offset);
}

StoreStats Disk::stats() const {
  StoreStats stats;
  for (const SegmentEntry& entry : segments_.Entries()) {
    ++stats.segments;
    const auto reader = segments_.Reader(entry.id);
    if (reader != nullptr) stats.segment_bytes += reader->file().Size().value_or(0);
  }
  stats.segments_missing = segments_.missing();
  {
    const std::lock_guard lock(quarantine_mutex_);
    stats.records_quarantined = quarantine_.size();
  }
  stats.records_recovered = recovered_;
  stats.torn_tails = torn_;
  stats.index_rebuilds = rebuilds_;
  stats.segments_expired = expired_;
  stats.segments_dropped_for_space = for_space_;
  stats.records_repaired = repaired_;
  stats.batches = batches_;
  stats.syncs = syncs_;
  stats.appended_bytes = appended_bytes_;
  stats.punched_bytes = punched_bytes_;
  stats.disk_full = space_.full();
  stats.failed = failed_;
  return stats;
}

Status Disk::Close() {
  const std::lock_guard writing(write_mutex_);
  const std::shared_lock lock(index_mutex_);
  if (index_ == nullptr) return Renumbering();
  IndexUpdate update(index_.get());
  Status result = OkStatus();
  for (const auto& [ttl_class, stream] : streams_) {
    if (failed_) break;
    Status status = stream->Sync();
    if (status.ok()) status = stream->Mark();
    if (result.ok()) result = status;
    if (const auto position = stream->position()) update.PutPosition(ttl_class, *position);
  }
  RegisterSegments(&update);
  RETURN_IF_ERROR(result);
  RETURN_IF_ERROR(index_->Apply(&update));
  return index_->Flush();
}

}  // namespace carillon
