#include "storage/sync_entry.h"

#include <map>

#include "storage/index_key.h"

namespace carillon {
namespace {

constexpr char kChunkLetter = 'c';  // sorts before the other
constexpr char kManifestLetter = 'm';

}  // namespace

Digest TotalOf(std::span<const HourDigest> digests) {
  Digest total;
  for (const HourDigest& hour : digests) total.Add(hour.digest);
  return total;
}

Bytes CursorAfter(PartitionId partition, const SyncEntry& entry) {
  Bytes cursor(1, entry.kind == SyncEntry::Kind::kChunk ? kChunkLetter : kManifestLetter);
  cursor += ChunkIndexKey(partition, entry.bucket, entry.info.key);
  cursor.push_back('\0');  // the least string after that key
  return cursor;
}

StatusOr<EntryCursor> ParseEntryCursor(ByteSpan bytes) {
  EntryCursor cursor;
  if (bytes.empty()) return cursor;
  if (bytes[0] != kChunkLetter && bytes[0] != kManifestLetter) {
    return InvalidArgument("cursor of {} bytes is none of ours", bytes.size());
  }
  cursor.kind = bytes[0] == kChunkLetter ? SyncEntry::Kind::kChunk : SyncEntry::Kind::kManifest;
  cursor.from = Bytes(bytes.substr(1));
  return cursor;
}

EntryPage MergeEntryPages(PartitionId partition, std::vector<EntryPage> pages,
                          std::size_t max_entries) {
  if (pages.size() == 1) return std::move(pages.front());
  EntryPage merged;
  std::map<Bytes, SyncEntry> entries;  // by cursor
  for (EntryPage& page : pages) {
    // A page is whole only up to its end.
    if (!page.next.empty() && (merged.next.empty() || page.next < merged.next)) {
      merged.next = page.next;
    }
    for (SyncEntry& entry : page.entries) {
      Bytes cursor = CursorAfter(partition, entry);
      entries.try_emplace(std::move(cursor), std::move(entry));
    }
  }
  const Bytes limit = merged.next;
  for (auto& [cursor, entry] : entries) {
    if (!limit.empty() && cursor > limit) break;
    if (merged.entries.size() == max_entries) {
      merged.next = CursorAfter(partition, merged.entries.back());
      break;
    }
    merged.entries.push_back(std::move(entry));
  }
  return merged;
}

}  // namespace carillon
