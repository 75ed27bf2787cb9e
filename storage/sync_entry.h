#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/chunk_info.h"
#include "base/ids.h"
#include "storage/digest.h"

// What two homes of a partition tell each other about what they have: digests of (bucket, hour)
// first, entries where those differ. The words of docs/design/0005-the-ring.md, "Sync".
namespace carillon {

struct HourDigest {
  std::string bucket;
  std::uint64_t hour = 0;  // since 1970, of the epochs
  Digest digest;
  friend bool operator==(const HourDigest&, const HourDigest&) = default;
};

// Of all of them together.
Digest TotalOf(std::span<const HourDigest> digests);

// One chunk, or one line of a manifest.
struct SyncEntry {
  enum class Kind : std::uint8_t { kChunk, kManifest };
  Kind kind = Kind::kChunk;
  std::string bucket;
  ChunkInfo info;               // of a chunk only key, value_bytes, and value_crc
  std::uint64_t expire_at = 0;  // seconds since 1970; 0: never
  friend bool operator==(const SyncEntry&, const SyncEntry&) = default;
};

struct EntryPage {
  std::vector<SyncEntry> entries;  // chunks first, then manifest lines, each in key order
  Bytes next;                      // opaque: where the next page begins; empty: there is none
};

// A place in the order of a page's entries: right after `entry`. Cursors sort as the entries do.
Bytes CursorAfter(PartitionId partition, const SyncEntry& entry);

// Where a listing goes on. Whatever bytes a peer sends, they are only compared with keys.
struct EntryCursor {
  SyncEntry::Kind kind = SyncEntry::Kind::kChunk;
  Bytes from;  // the least index key that may come next
};
// INVALID_ARGUMENT: not made by CursorAfter.
StatusOr<EntryCursor> ParseEntryCursor(ByteSpan bytes);

// One page of what several disks have, each of whose pages has at most `max_entries` entries. What
// is on two disks is listed once.
EntryPage MergeEntryPages(PartitionId partition, std::vector<EntryPage> pages,
                          std::size_t max_entries);

}  // namespace carillon
