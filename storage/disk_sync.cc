#include "base/log.h"
#include "storage/disk.h"
#include "storage/index_codec.h"

namespace carillon {
namespace {

// Entries of [from, limit) that `to_entry` makes something of, until `page` is full.
template <typename ToEntry>
Status ListFamily(const Index& index, Family family, Bytes from, const Bytes& limit,
                  std::size_t max_entries, ToEntry to_entry, EntryPage* page) {
  const auto cursor = index.entries().NewCursor(family);
  for (cursor->Seek(from); cursor->Valid() && cursor->key() < limit; cursor->Next()) {
    ASSIGN_OR_RETURN(const ParsedIndexKey key, ParseChunkIndexKey(cursor->key()));
    ASSIGN_OR_RETURN(std::optional<SyncEntry> entry, to_entry(key, cursor->value()));
    if (!entry) continue;
    if (page->entries.size() >= max_entries) {
      page->next = CursorAfter(key.partition, page->entries.back());
      return OkStatus();
    }
    page->entries.push_back(std::move(*entry));
  }
  return cursor->status();
}

SyncEntry EntryOf(const ParsedIndexKey& key, const ChunkEntry& chunk) {
  return {.kind = SyncEntry::Kind::kChunk,
          .bucket = key.bucket,
          .info = {.key = key.key, .value_bytes = chunk.value_bytes, .value_crc = chunk.value_crc},
          .expire_at = chunk.expire_at};
}

SyncEntry EntryOf(const ParsedIndexKey& key, const ManifestEntry& line) {
  return {.kind = SyncEntry::Kind::kManifest,
          .bucket = key.bucket,
          .info = line.info,
          .expire_at = line.expire_at};
}

}  // namespace

Disk::Health Disk::HealthOf(const ChunkEntry& entry) const {
  if (IsQuarantined(entry.location)) return Health::kDamaged;
  return HealthIn(entry.location.segment);
}

// The index has a line in full: damage to its record takes nothing from it.
Disk::Health Disk::HealthOf(const ManifestEntry& entry) const {
  return HealthIn(entry.segment);
}

Disk::Health Disk::HealthIn(SegmentId segment) const {
  if (segments_.Reader(segment) != nullptr) return Health::kWhole;
  return segments_.IsMissing(segment) ? Health::kDamaged : Health::kGone;
}

StatusOr<std::vector<PartitionId>> Disk::HeldPartitions() const {
  return WithIndex([](const Index& index) { return index.HeldPartitions(); });
}

StatusOr<std::vector<HourDigest>> Disk::ListDigests(PartitionId partition) const {
  return WithIndex([&](const Index& index) { return index.ListDigests(partition); });
}

StatusOr<PartitionSize> Disk::MeasureIn(const Index& index, PartitionId partition) const {
  PartitionSize size{.partition = partition};
  const std::uint64_t now = NowSeconds();
  const Bytes prefix = PartitionPrefix(partition);
  const auto cursor = index.entries().NewCursor(Family::kChunks);
  for (cursor->Seek(prefix); cursor->Valid() && cursor->key().starts_with(prefix); cursor->Next()) {
    ASSIGN_OR_RETURN(const ChunkEntry entry, DecodeChunkEntry(cursor->value()));
    if (entry.expire_at != 0 && entry.expire_at <= now) continue;
    ++size.chunks;
    size.bytes += entry.value_bytes;
  }
  RETURN_IF_ERROR(cursor->status());
  return size;
}

StatusOr<StoreSizes> Disk::Measure() const {
  StoreSizes sizes;
  ASSIGN_OR_RETURN(sizes.free_bytes, space_.Room());
  ASSIGN_OR_RETURN(const std::vector<PartitionId> held, HeldPartitions());
  for (const PartitionId partition : held) {
    ASSIGN_OR_RETURN(const PartitionSize size,
                     WithIndex([&](const Index& index) { return MeasureIn(index, partition); }));
    if (size.chunks > 0) sizes.partitions.push_back(size);
  }
  return sizes;
}

StatusOr<EntryPage> Disk::ListRange(const Index& index, const EntryCursor& after,
                                    const Bytes& first, const Bytes& limit, std::size_t max_entries,
                                    Health health) const {
  EntryPage page;
  const std::uint64_t now = NowSeconds();
  const auto is_live = [now](std::uint64_t expire_at) { return expire_at == 0 || expire_at > now; };
  const Bytes from = std::max(first, after.from);
  if (after.kind == SyncEntry::Kind::kChunk) {
    RETURN_IF_ERROR(ListFamily(
        index, Family::kChunks, from, limit, max_entries,
        [&](const ParsedIndexKey& key,
            std::string_view value) -> StatusOr<std::optional<SyncEntry>> {
          ASSIGN_OR_RETURN(const ChunkEntry entry, DecodeChunkEntry(value));
          if (!is_live(entry.expire_at) || HealthOf(entry) != health) return std::nullopt;
          return EntryOf(key, entry);
        },
        &page));
    if (!page.next.empty()) return page;
  }
  RETURN_IF_ERROR(ListFamily(
      index, Family::kManifests, after.kind == SyncEntry::Kind::kChunk ? first : from, limit,
      max_entries,
      [&](const ParsedIndexKey& key, std::string_view value) -> StatusOr<std::optional<SyncEntry>> {
        ASSIGN_OR_RETURN(const ManifestEntry entry, DecodeManifestEntry(key.key, value));
        if (!is_live(entry.expire_at) || HealthOf(entry) != health) return std::nullopt;
        return EntryOf(key, entry);
      },
      &page));
  return page;
}

StatusOr<EntryPage> Disk::ListEntries(PartitionId partition, const std::string& bucket,
                                      std::uint64_t hour, const Bytes& after,
                                      std::size_t max_entries) const {
  ASSIGN_OR_RETURN(const EntryCursor cursor, ParseEntryCursor(after));
  const Bytes first = EpochPrefix(partition, bucket, Epoch(hour * 3600));
  const Bytes limit = EpochPrefix(partition, bucket, Epoch((hour + 1) * 3600));
  return WithIndex([&](const Index& index) {
    return ListRange(index, cursor, first, limit, max_entries, Health::kWhole);
  });
}

StatusOr<std::vector<SyncEntry>> Disk::DamagedEntries(PartitionId partition,
                                                      std::size_t max_entries) const {
  if (segments_.missing() == 0) {
    const std::lock_guard lock(quarantine_mutex_);
    if (quarantine_.empty()) return std::vector<SyncEntry>();
  }
  const Bytes first = PartitionPrefix(partition);
  ASSIGN_OR_RETURN(EntryPage page, WithIndex([&](const Index& index) {
                     return ListRange(index, {}, first, PrefixLimit(first), max_entries,
                                      Health::kDamaged);
                   }));
  return std::move(page.entries);
}

}  // namespace carillon
