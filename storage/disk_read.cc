#include <algorithm>
#include <queue>

#include "base/coding.h"
#include "base/log.h"
#include "storage/disk.h"
#include "storage/index_codec.h"

namespace carillon {

bool Disk::IsQuarantined(const RecordLocation& location) const {
  const std::lock_guard lock(quarantine_mutex_);
  // The last entry that begins at or before the location may cover it.
  auto after = quarantine_.upper_bound({location.segment, location.offset});
  if (after == quarantine_.begin()) return false;
  const QuarantineEntry& entry = std::prev(after)->second;
  return entry.segment == location.segment && location.offset < entry.limit;
}

void Disk::NoteDamage(QuarantineEntry entry) const {
  LogWarning("segment {} at {}: damaged: {}", entry.segment, entry.offset, entry.reason);
  const std::lock_guard lock(quarantine_mutex_);
  if (quarantine_.try_emplace({entry.segment, entry.offset}, entry).second) {
    new_damage_.push_back(std::move(entry));
  }
}

namespace {

// The record that an entry names, if it is that record.
StatusOr<StoredRecord> ReadNamed(const SegmentReader& reader, const ChunkEntry& entry,
                                 std::string_view record_key) {
  ASSIGN_OR_RETURN(StoredRecord record, reader.Read(entry.location));
  if (record.key != record_key || record.header.value_crc != entry.value_crc) {
    return DataLoss("another record is in its place");
  }
  return record;
}

}  // namespace

StatusOr<StoredChunk> Disk::ReadChunk(const ChunkRef& ref) const {
  const std::uint16_t position = ChunkPosition(ref.bucket, ref.key);
  const auto find = [&] {
    return WithIndex(
        [&](const Index& index) { return index.FindChunk(KeyAt(position, ref.bucket, ref.key)); });
  };
  ASSIGN_OR_RETURN(const std::optional<ChunkEntry> entry, find());
  const std::string name = ToString(ref.key);
  if (!entry || (entry->expire_at != 0 && entry->expire_at <= NowSeconds())) {
    return NotFound("no chunk {} in bucket {}", name, ref.bucket);
  }
  if (segments_.IsMissing(entry->location.segment)) {
    return DataLoss("chunk {}: segment {} is missing", name, entry->location.segment);
  }
  const auto reader = segments_.Reader(entry->location.segment);
  if (reader == nullptr) return NotFound("no chunk {} in bucket {}", name, ref.bucket);
  const Bytes record_key = ref.bucket + '\0' + name;
  auto record = ReadNamed(*reader, *entry, record_key);
  if (record.ok()) {
    return StoredChunk{.value = std::move(record->value), .value_crc = entry->value_crc};
  }
  if (record.status().code() != StatusCode::kDataLoss &&
      record.status().code() != StatusCode::kUnavailable) {
    return record.status();
  }
  // A hole where its partition was dropped meanwhile is no damage.
  ASSIGN_OR_RETURN(const std::optional<ChunkEntry> now, find());
  if (!now) return NotFound("no chunk {} in bucket {}", name, ref.bucket);
  if (now->location != entry->location) return ReadChunk(ref);  // written anew
  const std::string reason(Message(record.status()));
  NoteDamage({.segment = entry->location.segment,
              .offset = entry->location.offset,
              .limit = entry->location.offset + entry->location.record_bytes,
              .sequence = entry->sequence,
              .ring_position = position,
              .record_key = record_key,
              .reason = reason});
  return DataLoss("chunk {} is damaged: {}", name, reason);
}

std::optional<StoredChunk> Disk::ReadChunkAtOnce(const ChunkRef& ref) const {
  std::optional<ChunkEntry> entry;
  {
    if (turn_taken_) return std::nullopt;
    const std::shared_lock lock(index_mutex_, std::try_to_lock);
    if (!lock.owns_lock() || renumbering_) return std::nullopt;
    entry = index_->FindChunkAtOnce(KeyOf(ref.bucket, ref.key));
  }
  if (!entry || (entry->expire_at != 0 && entry->expire_at <= NowSeconds())) return std::nullopt;
  const auto reader = segments_.Reader(entry->location.segment);
  if (reader == nullptr) return std::nullopt;
  auto record = reader->ReadAtOnce(entry->location);
  if (!record || record->header.value_crc != entry->value_crc ||
      record->key != ref.bucket + '\0' + ToString(ref.key)) {
    return std::nullopt;
  }
  return StoredChunk{.value = std::move(record->value), .value_crc = entry->value_crc};
}

StatusOr<std::vector<std::optional<ChunkStat>>> Disk::StatChunks(
    const std::vector<ChunkRef>& refs) const {
  ASSIGN_OR_RETURN(const auto entries, WithIndex([&](const Index& index) {
                     std::vector<Bytes> keys;
                     keys.reserve(refs.size());
                     for (const ChunkRef& ref : refs) keys.push_back(KeyOf(ref.bucket, ref.key));
                     return index.FindChunks(keys);
                   }));
  std::vector<std::optional<ChunkStat>> stats(refs.size());
  for (std::size_t i = 0; i < refs.size(); ++i) {
    if (!entries[i] || IsQuarantined(entries[i]->location) ||
        segments_.Reader(entries[i]->location.segment) == nullptr) {
      continue;
    }
    stats[i] =
        ChunkStat{.value_bytes = entries[i]->value_bytes, .value_crc = entries[i]->value_crc};
  }
  return stats;
}

namespace {

// One partition's share of a scan: a cursor on its next manifest entry in the range.
struct PartitionCursor {
  std::unique_ptr<KeyValueCursor> cursor;
  Bytes limit;
  ParsedIndexKey next;

  // Reads the entry under the cursor. False: nothing more in the range.
  StatusOr<bool> Load() {
    if (!cursor->Valid() || cursor->key() >= limit) {
      RETURN_IF_ERROR(cursor->status());
      return false;
    }
    ASSIGN_OR_RETURN(next, ParseChunkIndexKey(cursor->key()));
    return true;
  }
};

// Lines of one scan, wanted or not: one that finds little does not hold a thread for long.
constexpr std::size_t kMaxLookedAt = 200'000;

struct LaterFirst {
  bool operator()(const PartitionCursor* a, const PartitionCursor* b) const {
    return std::tie(a->next.key, a->next.partition) > std::tie(b->next.key, b->next.partition);
  }
};

// Adds an entry, in order, to the seconds found so far.
void AddEntry(const ChunkKey& key, ChunkInfo info, std::vector<Second>* seconds) {
  if (seconds->empty() || seconds->back().epoch != key.epoch || seconds->back().dc != key.dc) {
    seconds->push_back(Second{.epoch = key.epoch, .dc = key.dc, .chunks = {}});
  }
  seconds->back().chunks.push_back(std::move(info));
}

StatusOr<ManifestPage> MergeManifests(const Index& index, const ManifestScan& scan,
                                      std::uint64_t now, const SegmentTable& segments) {
  std::vector<PartitionCursor> cursors(scan.partitions.size());
  std::priority_queue<PartitionCursor*, std::vector<PartitionCursor*>, LaterFirst> queue;
  for (std::size_t i = 0; i < cursors.size(); ++i) {
    cursors[i].cursor = index.entries().NewCursor(Family::kManifests);
    cursors[i].limit = EpochPrefix(scan.partitions[i], scan.bucket, scan.range.limit);
    cursors[i].cursor->Seek(EpochPrefix(scan.partitions[i], scan.bucket, scan.range.first));
    ASSIGN_OR_RETURN(const bool more, cursors[i].Load());
    if (more) queue.push(&cursors[i]);
  }
  ManifestPage page;
  std::size_t chunks = 0;
  std::size_t looked_at = 0;
  std::optional<Epoch> last;
  while (!queue.empty()) {
    PartitionCursor* const first = queue.top();
    const ChunkKey key = first->next.key;
    const bool enough = chunks >= scan.max_chunks || looked_at >= kMaxLookedAt;
    if (enough && last && key.epoch != *last) {
      page.next_from = key.epoch;
      break;
    }
    queue.pop();
    ++looked_at;
    last = key.epoch;
    if (scan.dc.empty() || key.dc == scan.dc) {
      ASSIGN_OR_RETURN(ManifestEntry entry, DecodeManifestEntry(key, first->cursor->value()));
      const bool live = entry.expire_at == 0 || entry.expire_at > now;
      if (live && segments.Reader(entry.segment) != nullptr) {
        AddEntry(key, std::move(entry.info), &page.seconds);
        ++chunks;
      }
    }
    first->cursor->Next();
    ASSIGN_OR_RETURN(const bool more, first->Load());
    if (more) queue.push(first);
  }
  return page;
}

}  // namespace

StatusOr<ManifestPage> Disk::ScanManifests(const ManifestScan& scan) const {
  return WithIndex([&](const Index& index) {
    if (!scan.partitions.empty()) return MergeManifests(index, scan, NowSeconds(), segments_);
    ManifestScan complete = scan;
    for (std::uint32_t p = 0; p < 1u << partition_bits_; ++p) {
      complete.partitions.emplace_back(static_cast<std::uint16_t>(p));
    }
    return MergeManifests(index, complete, NowSeconds(), segments_);
  });
}

StatusOr<std::vector<WriterSeal>> Disk::Seals() const {
  return WithIndex([](const Index& index) { return index.Seals(); });
}

StatusOr<Digest> Disk::ReadDigest(PartitionId partition, const std::string& bucket,
                                  std::uint64_t hour) const {
  return WithIndex([&](const Index& index) { return index.ReadDigest(partition, bucket, hour); });
}

bool Disk::HasPartition(PartitionId partition) const {
  return WithIndex([&](const Index& index) { return index.HasPartition(partition); })
      .value_or(false);
}

}  // namespace carillon
