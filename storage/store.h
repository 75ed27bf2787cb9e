#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/bucket.h"
#include "base/bytes.h"
#include "base/chunk_info.h"
#include "base/chunk_key.h"
#include "base/claim.h"
#include "base/clock.h"
#include "base/ids.h"
#include "base/random.h"
#include "base/status.h"
#include "storage/digest.h"
#include "storage/file_system.h"
#include "storage/key_value.h"
#include "storage/sync_entry.h"

// One node's bytes: the only door to them. A store has one or more data directories (disks), each
// with a log of segments and an index of its own; a partition lives on one of them.
//
// Order, always: bytes, index, acknowledgement. A write is answered OK only when its record is
// fsynced (unless asked otherwise) and its index entry is visible to every reader.
//
// Bytes on disk: docs/FORMATS.md. Design: docs/design/0002-storage.md.
namespace carillon {

// Who the data belongs to: stored in every data directory when it is formatted, never changed.
struct StoreIdentity {
  Uuid cluster;
  Uuid node;
};

[[noreturn]] void AbortOnSyncFailure(const Status& status);

struct StoreOptions {
  FileSystem* files = nullptr;           // outlives the store
  KeyValueFactory* indexes = nullptr;    // outlives the store
  const Clock* clock = nullptr;          // for the wall time of segments and expiry, only
  std::vector<std::string> directories;  // at least one; made if need be
  StoreIdentity identity;                // given to directories that are new
  // Q = 2^bits partitions, 0..12. An index made for fewer is split at the start (SetPartitionBits),
  // one made for more is rebuilt from the log.
  std::uint32_t partition_bits = 6;
  std::uint64_t random_seed = 0;  // for salts
  std::uint64_t segment_bytes = std::uint64_t{1} << 30;
  std::uint64_t allocate_bytes = std::uint64_t{64} << 20;    // of a segment, ahead, at a time
  std::uint64_t segment_window_seconds = 3600;               // a segment closes when so old
  std::uint64_t flush_log_bytes = std::uint64_t{512} << 20;  // log between index flushes, at most
  std::size_t split_batch_entries = 5000;                    // of an index, renumbered at a time
  double min_free = 0.05;                    // of the disk: below it new data is refused
  double watermark_free = 0;                 // below it the oldest segments go; 0: never
  std::uint64_t expiry_grace_seconds = 300;  // after max(expire_at) of a segment
  std::uint64_t ballast_bytes = std::uint64_t{64} << 20;  // at most 1 % of the disk
  // Called when an fsync failed: what the kernel holds is then not what the disk holds, and asking
  // again proves nothing. Must not return in a server (abort: the restart verifies from the disk).
  // If it returns, as in tests, the disk is failed for good: writes are UNAVAILABLE.
  std::function<void(const Status&)> on_sync_failure = AbortOnSyncFailure;
};

struct ChunkRef {
  PartitionId partition;  // as the caller numbers it: not looked at, the key says where it lies
  std::string bucket;
  ChunkKey key;
};

// How an entry is hashed to the ring: top 16 bits of the hash (HashOfKey of base/hash.h), which
// alone counts; `partition` is its top bits, as the caller numbers it.
struct WritePlacement {
  PartitionId partition;
  std::uint16_t ring_position = 0;
};

struct ChunkWrite {
  WritePlacement placement;
  std::string bucket;
  ChunkKey key;
  Rope value;
  std::uint32_t value_crc = 0;    // checked by the caller; checked again by every reader
  std::uint64_t ttl_seconds = 0;  // 0: for ever
  SyncMode sync = SyncMode::kAlways;
};
struct CommitWrite {
  WritePlacement placement;
  Commit commit;
  std::uint64_t ttl_seconds = 0;
  SyncMode sync = SyncMode::kAlways;
};
// Claims are stored line by line, each as its mode says; what is there of another owner is told in
// the outcome. `already_stored`: of one of them at least something was there.
struct ClaimsWrite {
  std::string bucket;
  ClaimMode mode = ClaimMode::kVote;
  ClaimSet set;  // all of one disk (DiskAt)
  SyncMode sync = SyncMode::kAlways;
};
struct WriteRequest {  // exactly one of the three
  std::optional<ChunkWrite> chunk;
  std::optional<CommitWrite> commit;
  std::optional<ClaimsWrite> claims;
};
// Where it lies on the ring: all of it goes to one disk.
std::uint16_t PositionOf(const WriteRequest& request);
struct WriteOutcome {
  // ALREADY_EXISTS: the key holds other bytes. RESOURCE_EXHAUSTED: the disk is full.
  // UNAVAILABLE: the disk failed; nothing of this write will be seen.
  // OUT_OF_RANGE: claims that have expired before they are voted for.
  Status status;
  bool already_stored = false;
  std::vector<OtherClaim> others;  // of claims: what is here instead; `place` in the set, ascending
};

struct StoredChunk {
  SharedBytes value;  // its CRC has been checked
  std::uint32_t value_crc = 0;
};

struct ChunkStat {
  std::uint32_t value_bytes = 0;
  std::uint32_t value_crc = 0;
};

struct ManifestScan {
  std::vector<PartitionId> partitions;  // empty: all
  std::string bucket;
  EpochRange range;
  std::string dc;                   // empty: every
  std::size_t max_chunks = 10'000;  // stop after the epoch in which it is reached
};
struct ManifestPage {
  std::vector<Second> seconds;     // by epoch, then dc; `complete` is not filled in
  std::optional<Epoch> next_from;  // nullopt: nothing more in the range
};

struct ClaimPage {
  std::vector<StoredClaim>
      claims;  // by time, then id; not the expired; of the contested with a nil owner
  Bytes next;  // opaque: where the next page begins; empty: there is none
};

struct WriterSeal {
  std::string bucket;
  std::string dc;
  std::uint64_t writer = 0;
  Epoch sealed;                // the greatest
  std::uint64_t heard_at = 0;  // seconds since 1970, when this node heard it
};

// What a store holds of one partition.
struct PartitionSize {
  PartitionId partition;
  std::uint64_t chunks = 0;
  std::uint64_t bytes = 0;  // of their values
  friend bool operator==(const PartitionSize&, const PartitionSize&) = default;
};
struct StoreSizes {
  std::vector<PartitionSize> partitions;  // ascending; those that have a chunk
  std::uint64_t free_bytes = 0;           // that all disks together take before new data is refused
};

struct StoreStats {
  std::uint64_t segments = 0;
  std::uint64_t segment_bytes = 0;        // of files, allocation included
  std::uint64_t segments_missing = 0;     // known to the index, not on the disk
  std::uint64_t records_quarantined = 0;  // damaged, known, not served
  std::uint64_t records_recovered = 0;    // replayed from the log at the last start
  std::uint64_t torn_tails = 0;           // cut off at the last start
  std::uint64_t index_rebuilds = 0;       // at the last start: 1 if it was lost or damaged
  std::uint64_t segments_expired = 0;
  std::uint64_t segments_dropped_for_space = 0;
  std::uint64_t records_repaired = 0;  // written anew after damage
  std::uint64_t batches = 0;           // group commits
  std::uint64_t syncs = 0;
  std::uint64_t appended_bytes = 0;
  std::uint64_t punched_bytes = 0;  // given back by holes since the start
  bool disk_full = false;           // new data is refused
  bool failed = false;              // a disk failed: read-only
};

// Partitions are numbered: chunks, writes, and seals are found and kept whatever numbers their
// caller had in mind; ManifestScan, digests, entries, held and damaged partitions, and drops go by
// the numbers that the store has when it looks (SetPartitionBits). A drop that must not hit another
// partition names its digests: no two have the same.
//
// Threads: any. Write, Maintain, and drops wait for each other, a disk (GroupCommit: no waiting).
class Store {
 public:
  // Opens, and recovers what a crash left: replays the tail of each log, cuts torn tails off,
  // quarantines damage, rebuilds an index that is lost. Cost: the tails, at most flush_log_bytes a
  // disk, unless an index is rebuilt.
  // FAILED_PRECONDITION: another process has a directory open; directories of different nodes.
  static StatusOr<std::unique_ptr<Store>> Open(StoreOptions options);
  virtual ~Store() = default;

  virtual const StoreIdentity& identity() const = 0;
  virtual std::size_t disks() const = 0;
  // The disk that takes new data of a partition, and of a ring position. It stays the same while
  // the store is open.
  virtual std::size_t DiskOf(PartitionId partition) const = 0;
  virtual std::size_t DiskAt(std::uint16_t ring_position) const = 0;

  // From here on there are 2^bits partitions. More than there were: each becomes several, on the
  // same disk, and their digests are those of a store that never had another number. Fewer: the
  // index is rebuilt from the log. The log is not touched.
  //
  // A disk after the other: all that looks into its index waits meanwhile, some seconds a million
  // entries. After an error a disk may be half done: it then answers UNAVAILABLE to everything,
  // until this is called again, or the store is opened with these bits, and finishes what was
  // begun. A crash leaves the same: what it interrupts is finished by an Open with these bits. OK:
  // it survives a crash. The bits it has: nothing is done. INVALID_ARGUMENT: above 12.
  virtual Status SetPartitionBits(std::uint32_t bits) = 0;
  virtual std::uint32_t partition_bits() const = 0;

  // Group commit: all requests in as few writes as there are ttl classes among them, then one
  // fdatasync for each; outcomes are in the order of the requests. Requests of other disks: CHECK.
  virtual std::vector<WriteOutcome> Write(std::size_t disk,
                                          std::span<const WriteRequest> requests) = 0;

  // What time asks for: index flush, idle sync marks, expiry, space, rotation. Call about once a
  // second. Errors are kept in stats and logged.
  virtual void Maintain(std::size_t disk) = 0;

  // NOT_FOUND: not stored here, or expired. DATA_LOSS: stored and damaged; it is quarantined.
  virtual StatusOr<StoredChunk> ReadChunk(const ChunkRef& ref) const = 0;
  // The chunk, if it is here, whole, and all of it in memory: waits for no disk and no writer.
  // nullopt says nothing: use ReadChunk.
  virtual std::optional<StoredChunk> ReadChunkAtOnce(const ChunkRef& ref) const = 0;
  // What the index says, in the order of `refs`; nullopt: not stored here (or damaged).
  virtual StatusOr<std::vector<std::optional<ChunkStat>>> StatChunks(
      const std::vector<ChunkRef>& refs) const = 0;

  virtual StatusOr<ManifestPage> ScanManifests(const ManifestScan& scan) const = 0;
  // Every seal this node has heard. Cost: a short scan.
  virtual StatusOr<std::vector<WriterSeal>> Seals() const = 0;
  virtual StatusOr<Digest> ReadDigest(PartitionId partition, const std::string& bucket,
                                      std::uint64_t hour) const = 0;

  // Ascending: every partition with an entry, a chunk, a manifest line, or a claim, whole or not.
  // Cost: three seeks for each.
  virtual StatusOr<std::vector<PartitionId>> HeldPartitions() const = 0;
  // By bucket, then hour (of claims: slot); only those that count something. A digest counts what
  // should be here: an entry counts from its write until its segment is removed or its partition
  // dropped, also while it is damaged or has expired. So homes that agree may still have damage,
  // which DamagedEntries names, and homes may differ for hours past their lifetime: leave those
  // out. Cost: a short scan.
  virtual StatusOr<std::vector<HourDigest>> ListDigests(PartitionId partition) const = 0;
  // The entries of one hour that would be served now: not the expired, not the damaged. `after` is
  // empty or the `next` of the page before; entries that come or go meanwhile may be seen or not.
  // A page has at most `max_entries`, at least one if there is any.
  // INVALID_ARGUMENT: `after` is no such cursor.
  virtual StatusOr<EntryPage> ListEntries(PartitionId partition, const std::string& bucket,
                                          std::uint64_t hour, const Bytes& after,
                                          std::size_t max_entries) const = 0;
  // The claims of one slot (ClaimSlotOf), as ListEntries.
  virtual StatusOr<ClaimPage> ListClaims(PartitionId partition, const std::string& bucket,
                                         std::uint64_t slot, const Bytes& after,
                                         std::size_t max_claims) const = 0;
  // Entries, not expired, that are known to be damaged (quarantined) or lost (their segment is
  // missing), at most kMaxDamagedEntries: to be fetched from another home and written again, which
  // repairs them and changes no digest. Cost: nothing if there is no damage on its disks; else a
  // scan of the partition.
  virtual std::vector<SyncEntry> DamagedEntries(PartitionId partition) const = 0;
  static constexpr std::size_t kMaxDamagedEntries = 10'000;

  // Sums up the chunks that have not expired, damaged ones too. Cost: a scan of the index, a second
  // for a million chunks or two; the index is let go after every partition.
  virtual StatusOr<StoreSizes> Measure() const = 0;

  // Forgets a partition and gives its space back by punching holes; neighbours are not rewritten.
  // Waits for a Write on its disk to end and keeps the next one waiting: call it through
  // GroupCommit::Run. After an error it may be forgotten in part; drop it again. It may come back:
  // what is written after a drop is not touched by it.
  virtual Status DropPartition(PartitionId partition) = 0;
  // DropPartition, if its ListDigests still sum up to `total`. False: they do not, nothing is done.
  virtual StatusOr<bool> DropPartitionIf(PartitionId partition, const Digest& total) = 0;

  // Reads and verifies about `bytes` more of the sealed segments of a disk, going round; damage is
  // quarantined. Any thread, one caller a disk at a time.
  virtual Status Scrub(std::size_t disk, std::uint64_t bytes) = 0;

  virtual StoreStats stats() const = 0;

  // Syncs the logs, flushes the indexes, releases the directories. Not while anything else runs.
  virtual Status Close() = 0;
};

}  // namespace carillon
