#include "storage/replay.h"

#include <algorithm>

#include "base/log.h"

namespace carillon {
namespace {

constexpr std::size_t kRecordsPerUpdate = 1000;
constexpr std::size_t kEntriesPerUpdate = 2000;  // of a drop

}  // namespace

Replayer::Replayer(Index* index, std::uint32_t partition_bits, const SegmentTable* segments)
    : index_(index), partition_bits_(partition_bits), segments_(segments) {}

// A commit may repair lines whose segment is missing, as it did when it was written.
IndexUpdate Replayer::NewUpdate() const {
  return IndexUpdate(index_, [this](SegmentId id) { return segments_->Reader(id) != nullptr; });
}

PartitionId Replayer::PartitionOf(std::uint16_t ring_position) const {
  return PartitionAt(ring_position, partition_bits_);
}

Status Replayer::ApplyChunk(const ScanItem& item, SegmentId segment, IndexUpdate* update) {
  ASSIGN_OR_RETURN(const RecordKey record_key, SplitRecordKey(item.key));
  ASSIGN_OR_RETURN(const ChunkKey key, ParseChunkKey(record_key.key));
  const PartitionId partition = PartitionOf(item.header.ring_position);
  const ChunkEntry entry{
      .location = {.segment = segment,
                   .offset = item.offset,
                   .record_bytes = static_cast<std::uint32_t>(item.header.RecordBytes())},
      .value_bytes = item.header.value_bytes,
      .value_crc = item.header.value_crc,
      .expire_at = item.header.expire_at,
      .sequence = item.header.sequence};
  ASSIGN_OR_RETURN(const auto before, update->FindChunk(partition, record_key.bucket, key));
  if (before && before->location == entry.location) return OkStatus();
  // A later record of the same key is a repair of the earlier one. Streams are replayed one after
  // the other, so that an earlier one may come later.
  if (before && before->sequence > entry.sequence) return OkStatus();
  update->PutChunk(partition, record_key.bucket, key, entry, before.has_value());
  return OkStatus();
}

Status Replayer::ApplyManifest(const ScanItem& item, SegmentId segment, IndexUpdate* update) {
  ASSIGN_OR_RETURN(const RecordKey record_key, SplitRecordKey(item.key));
  const std::size_t dash = record_key.key.find('-');
  if (dash == std::string_view::npos) return DataLoss("manifest key without its dc");
  Commit commit;
  commit.bucket = record_key.bucket;
  commit.epoch = Epoch(item.header.epoch);
  commit.dc = record_key.key.substr(dash + 1);
  RETURN_IF_ERROR(DecodeCommitValue(item.value, &commit));
  return update
      ->AddCommit(PartitionOf(item.header.ring_position), commit, segment, item.header.expire_at,
                  item.header.epoch)
      .status();
}

// As they were written, the later record over the earlier: what was to be stored was decided then.
Status Replayer::ApplyClaims(const ScanItem& item, SegmentId segment, IndexUpdate* update) {
  ASSIGN_OR_RETURN(const RecordKey record_key, SplitRecordKey(item.key));
  ASSIGN_OR_RETURN(const ClaimsValue value, DecodeClaimsValue(item.value));
  std::vector<PlacedClaim> claims;
  claims.reserve(value.ids.size());
  for (const ClaimId& id : value.ids) {
    claims.push_back({.id = id, .ring_position = ClaimPosition(record_key.bucket, id)});
  }
  RETURN_IF_ERROR(update->FetchClaims(record_key.bucket, claims, partition_bits_));
  const ClaimEntry entry{.owner = value.owner,
                         .claimed_at = item.header.epoch,
                         .expire_at = item.header.expire_at,
                         .decided = value.decided,
                         .segment = segment,
                         .sequence = item.header.sequence};
  for (const PlacedClaim& claim : claims) {
    const PartitionId partition = PartitionOf(claim.ring_position);
    ASSIGN_OR_RETURN(const auto before, update->FindClaim(partition, record_key.bucket, claim.id));
    if (before && before->sequence >= entry.sequence) continue;
    update->PutClaim(partition, record_key.bucket, claim.id, before, entry);
  }
  return OkStatus();
}

Status Replayer::ApplyDrop(const PartitionDrop& drop, SegmentId segment) {
  const auto ttl_class = segments_->TtlClassOf(segment);
  if (!ttl_class) return OkStatus();
  ASSIGN_OR_RETURN(const auto removed,
                   RemoveDropped(index_, drop, partition_bits_, *ttl_class, *segments_));
  dropped_.insert(dropped_.end(), removed.begin(), removed.end());
  return OkStatus();
}

Status Replayer::Apply(const ScanItem& item, SegmentId segment, IndexUpdate* update) {
  switch (item.header.type) {
    case RecordType::kChunk:
      return ApplyChunk(item, segment, update);
    case RecordType::kManifest:
      return ApplyManifest(item, segment, update);
    case RecordType::kClaims:
      return ApplyClaims(item, segment, update);
    case RecordType::kDrop: {
      ASSIGN_OR_RETURN(const PartitionDrop drop, DecodePartitionDrop(item.value));
      RETURN_IF_ERROR(index_->Apply(update));
      *update = NewUpdate();
      return ApplyDrop(drop, segment);
    }
    case RecordType::kSync:
    case RecordType::kSeal:
      return OkStatus();
  }
  return OkStatus();
}

Status Replayer::Quarantine(const ScanItem& item, std::uint64_t limit, SegmentId segment,
                            IndexUpdate* update) {
  QuarantineEntry entry;
  entry.segment = segment;
  entry.offset = item.offset;
  entry.limit = limit;
  const bool head_is_good = item.kind == ScanItem::Kind::kRecord;
  if (head_is_good) {
    entry.sequence = item.header.sequence;
    entry.ring_position = item.header.ring_position;
    entry.record_key = item.key;
  }
  entry.reason = head_is_good ? std::string(Message(item.value_status)) : item.reason;
  LogWarning("segment {} at {}: {} bytes are damaged: {}", segment, entry.offset,
             limit - entry.offset, entry.reason);
  update->PutQuarantine(entry);
  return OkStatus();
}

// A bad stretch with good records after it is damage.
Status Replayer::QuarantineAll(std::vector<ScanItem>* suspects, SegmentId segment,
                               IndexUpdate* update, SegmentReplay* replay) {
  for (const ScanItem& suspect : *suspects) {
    RETURN_IF_ERROR(Quarantine(suspect, suspect.limit, segment, update));
    replay->damaged = true;
    replay->valid_bytes = std::max(replay->valid_bytes, suspect.limit);
  }
  suspects->clear();
  return OkStatus();
}

StatusOr<SegmentReplay> Replayer::Replay(const SegmentReader& reader, std::uint64_t from,
                                         std::uint64_t durable, bool read_values) {
  SegmentReplay replay;
  replay.valid_bytes = from;
  const SegmentId segment = reader.header().id;
  SegmentScanner scanner(&reader.file(), reader.header(), from, read_values);
  IndexUpdate update = NewUpdate();
  std::vector<ScanItem> suspects;  // bad, and nothing good after them yet
  while (true) {
    ASSIGN_OR_RETURN(ScanItem item, scanner.Next());
    if (item.kind == ScanItem::Kind::kEnd) {
      if (!item.clean) suspects.push_back(std::move(item));
      break;
    }
    if (item.kind == ScanItem::Kind::kRecord && item.value_status.ok()) {
      // Before it is applied: a drop also takes the damage that it explains out of quarantine.
      RETURN_IF_ERROR(QuarantineAll(&suspects, segment, &update, &replay));
      // A record that we cannot read although its CRCs are right is damage too.
      if (const Status applied = Apply(item, segment, &update);
          applied.code() == StatusCode::kDataLoss ||
          applied.code() == StatusCode::kInvalidArgument ||
          applied.code() == StatusCode::kAlreadyExists) {
        item.value_status = applied;
      } else {
        RETURN_IF_ERROR(applied);
      }
    }
    if (item.kind == ScanItem::Kind::kDamage || !item.value_status.ok()) {
      suspects.push_back(std::move(item));
      continue;
    }
    replay.valid_bytes = item.limit;
    replay.next_sequence = std::max(replay.next_sequence, item.header.sequence + 1);
    replay.summary.Add(item.header);
    replay.has_drops = replay.has_drops || item.header.type == RecordType::kDrop;
    replay.sealed = item.header.type == RecordType::kSeal;
    if (item.header.type == RecordType::kSync) durable = std::max(durable, item.offset);
    if (replay.sealed) durable = item.limit;
    if (update.changes() > kRecordsPerUpdate) {
      RETURN_IF_ERROR(index_->Apply(&update));
      update = NewUpdate();
    }
  }
  if (!suspects.empty() && suspects.front().offset >= durable) {
    replay.torn = true;
  } else {
    RETURN_IF_ERROR(QuarantineAll(&suspects, segment, &update, &replay));
  }
  replay.records = replay.summary.records;
  RETURN_IF_ERROR(index_->Apply(&update));
  return replay;
}

namespace {

// Takes entries out a few thousand at a time: a partition may have millions.
class DropUpdate {
 public:
  explicit DropUpdate(Index* index) : index_(index), update_(index) {}

  IndexUpdate* update() { return &update_; }
  // Keeps the first error; applies what has gathered when it is enough.
  void Note(const Status& status) {
    if (!status_.ok()) return;
    status_ = status;
    if (!status_.ok() || update_.changes() < kEntriesPerUpdate) return;
    status_ = index_->Apply(&update_);
    update_ = IndexUpdate(index_);
  }
  Status Finish() {
    if (status_.ok()) status_ = index_->Apply(&update_);
    return status_;
  }

 private:
  Index* index_;
  IndexUpdate update_;
  Status status_ = OkStatus();
};

}  // namespace

StatusOr<std::vector<RecordLocation>> RemoveDropped(Index* index, const PartitionDrop& drop,
                                                    std::uint32_t partition_bits,
                                                    std::uint32_t ttl_class,
                                                    const SegmentTable& segments) {
  std::vector<RecordLocation> chunks;
  const auto of_class = [&](SegmentId id) { return segments.TtlClassOf(id) == ttl_class; };
  const std::uint32_t shift = 16 - partition_bits;
  DropUpdate removal(index);
  for (std::uint32_t p = drop.first >> shift; p <= static_cast<std::uint32_t>(drop.last >> shift);
       ++p) {
    const PartitionId partition(static_cast<std::uint16_t>(p));
    RETURN_IF_ERROR(
        index->ForEachChunk(partition, [&](const ParsedIndexKey& key, const ChunkEntry& entry) {
          if (!of_class(entry.location.segment)) return;
          if (entry.sequence >= drop.below_sequence) return;  // put again since
          chunks.push_back(entry.location);
          removal.Note(removal.update()->RemoveChunk(partition, key.bucket, key.key,
                                                     entry.location.segment));
        }));
    // Lines have no sequence, and need none: a stream is replayed in order, so that all of its
    // lines that the index knows when a drop is applied are older than the drop.
    RETURN_IF_ERROR(index->ForEachManifestEntry(
        partition, [&](const ParsedIndexKey& key, const ManifestEntry& entry) {
          if (!of_class(entry.segment)) return;
          removal.Note(
              removal.update()->RemoveManifestEntry(partition, key.bucket, key.key, entry.segment));
        }));
    RETURN_IF_ERROR(index->ForEachClaim(
        partition, [&](std::string_view bucket, const ClaimId& id, const ClaimEntry& entry) {
          if (!of_class(entry.segment) || entry.sequence >= drop.below_sequence) return;
          removal.Note(removal.update()->RemoveClaim(partition, bucket, id, entry.segment));
        }));
  }
  ASSIGN_OR_RETURN(const auto quarantine, index->Quarantine());
  for (const QuarantineEntry& entry : quarantine) {
    const bool in_range = entry.ring_position >= drop.first && entry.ring_position <= drop.last;
    if (!entry.record_key.empty() && in_range && entry.sequence < drop.below_sequence &&
        of_class(entry.segment)) {
      removal.update()->DeleteQuarantine(entry.segment, entry.offset);
    }
  }
  RETURN_IF_ERROR(removal.Finish());
  return chunks;
}

}  // namespace carillon
