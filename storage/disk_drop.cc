#include <algorithm>

#include "base/checksum.h"
#include "base/log.h"
#include "storage/disk.h"

namespace carillon {
namespace {

constexpr std::uint64_t kPunchBlock = 4096;

// The whole blocks inside [first, limit).
std::uint64_t BytesOfBlocks(std::uint64_t first, std::uint64_t limit) {
  const std::uint64_t from = (first + kPunchBlock - 1) / kPunchBlock * kPunchBlock;
  const std::uint64_t to = limit / kPunchBlock * kPunchBlock;
  return from < to ? to - from : 0;
}

}  // namespace

Status Disk::DropPartition(PartitionId partition) {
  const std::lock_guard writing(write_mutex_);
  return Drop(partition);
}

StatusOr<bool> Disk::DropPartitionIf(PartitionId partition, const Digest& total) {
  const std::lock_guard writing(write_mutex_);
  ASSIGN_OR_RETURN(const auto digests, ListDigests(partition));
  if (TotalOf(digests) != total) return false;
  RETURN_IF_ERROR(Drop(partition));
  return true;
}

Status Disk::Drop(PartitionId partition) {
  std::uint64_t generation = 0;
  Status dropped = OkStatus();
  {
    const std::shared_lock lock(index_mutex_);
    generation = index_generation_;
    dropped = DropIndexed(partition);
  }
  // Only a damaged index says DATA_LOSS here. It is derived: make it anew and drop again.
  if (dropped.code() != StatusCode::kDataLoss) return dropped;
  RETURN_IF_ERROR(RebuildIndex(generation));
  const std::shared_lock lock(index_mutex_);
  return DropIndexed(partition);
}

// The drop is written to every stream, and synced, before a hole is punched: after a crash the log
// itself says that those records are dead.
Status Disk::DropIndexed(PartitionId partition) {
  if (failed_) return Unavailable("the disk failed and is read-only");
  if (renumbering_) return Renumbering();
  ASSIGN_OR_RETURN(const bool held, index_->HasPartition(partition));
  if (!held) return OkStatus();
  const std::uint32_t shift = 16 - partition_bits_;
  const std::uint32_t first = std::uint32_t{partition.value()} << shift;
  const PartitionDrop drop{.first = static_cast<std::uint16_t>(first),
                           .last = static_cast<std::uint16_t>(first + (1u << shift) - 1),
                           .below_sequence = log_.next_sequence};
  std::vector<RecordLocation> chunks;
  Status dropped = OkStatus();
  for (const std::uint32_t ttl_class : segments_.TtlClasses()) {
    dropped = DropOfClass(drop, ttl_class, &chunks);
    if (!dropped.ok()) break;
  }
  PunchOut(std::move(chunks));
  RETURN_IF_ERROR(dropped);
  ForgetDamageOf(drop);
  return index_->RemoveEmptyDigests(PartitionPrefix(partition));
}

// Appends to `chunks` where the chunks lay: from here on nothing refers to them.
Status Disk::DropOfClass(const PartitionDrop& drop, std::uint32_t ttl_class,
                         std::vector<RecordLocation>* chunks) {
  const Rope value{EncodePartitionDrop(drop)};
  RecordToAppend record;
  record.value = &value;
  record.header = {.type = RecordType::kDrop,
                   .value_bytes = static_cast<std::uint32_t>(value.size()),
                   .value_crc = Crc32c(value),
                   .ring_position = drop.first};
  LogStream* stream = StreamOf(ttl_class);
  if (const Status status = stream->Append(std::span(&record, 1), NowSeconds()).status();
      !status.ok()) {
    if (status.code() == StatusCode::kResourceExhausted) space_.HandleNoSpace();
    return status;
  }
  const auto position = stream->position();
  if (const Status status = stream->Sync(); !status.ok()) {
    HandleSyncFailure(status, position ? position->segment : SegmentId(0));
    return status;
  }
  auto removed = RemoveDropped(index_.get(), drop, partition_bits_, ttl_class, segments_);
  IndexUpdate update(index_.get());
  RegisterSegments(&update);
  if (const auto synced = stream->position()) update.PutPosition(ttl_class, *synced);
  Status indexed = removed.status();
  if (indexed.ok()) indexed = index_->Apply(&update);
  if (!indexed.ok() && indexed.code() != StatusCode::kDataLoss) {
    // The log says that they are dead, the index that they live: to answer a write "already stored"
    // would be to lose it at the next start.
    failed_ = true;
    LogError("{}: a drop is in the log and cannot be indexed: read-only until a restart: {}",
             directory_.path, ToString(indexed));
  }
  RETURN_IF_ERROR(indexed);
  chunks->insert(chunks->end(), removed->begin(), removed->end());
  return OkStatus();
}

// Values go, heads stay: a scan still steps from record to record. What cannot be punched comes
// back with its segment.
void Disk::PunchOut(std::vector<RecordLocation> chunks) {
  std::sort(chunks.begin(), chunks.end());
  std::unique_ptr<WritableFile> file;
  SegmentId open{0};
  constexpr std::uint64_t kKeep = kRecordHeaderBytes + kMaxRecordKeyBytes;
  for (const RecordLocation& chunk : chunks) {
    const std::uint64_t from = chunk.offset + kKeep;
    const std::uint64_t limit = chunk.offset + chunk.record_bytes;
    const std::uint64_t bytes = BytesOfBlocks(from, limit);
    if (bytes == 0 || segments_.Reader(chunk.segment) == nullptr) continue;
    if (chunk.segment != open || file == nullptr) {
      auto opened = options_.files->OpenWritable(directory_.SegmentPath(chunk.segment));
      if (!opened.ok()) {
        LogWarning("segment {}: no hole punched: {}", chunk.segment, ToString(opened.status()));
        continue;
      }
      file = std::move(*opened);
      open = chunk.segment;
    }
    if (const Status status = file->PunchHole(from, limit - from); !status.ok()) {
      LogWarning("segment {}: no hole punched: {}", chunk.segment, ToString(status));
      return;
    }
    punched_bytes_ += bytes;
  }
}

// What was known to be damaged is dead.
void Disk::ForgetDamageOf(const PartitionDrop& drop) {
  const std::lock_guard lock(quarantine_mutex_);
  std::erase_if(quarantine_, [&](const auto& place) {
    const QuarantineEntry& entry = place.second;
    return !entry.record_key.empty() && entry.ring_position >= drop.first &&
           entry.ring_position <= drop.last && entry.sequence < drop.below_sequence;
  });
}

}  // namespace carillon
