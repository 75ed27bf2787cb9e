#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/chunk_info.h"
#include "storage/digest.h"
#include "storage/index_key.h"
#include "storage/key_value.h"
#include "storage/segment_reader.h"
#include "storage/store.h"
#include "storage/sync_entry.h"

// What a disk's index knows (docs/FORMATS.md, "Index"). All of it is derived from the segments.
namespace carillon {

struct ChunkEntry {
  RecordLocation location;
  std::uint32_t value_bytes = 0;
  std::uint32_t value_crc = 0;
  std::uint64_t expire_at = 0;
  std::uint64_t sequence = 0;  // of its record
};

struct ManifestEntry {
  ChunkInfo info;
  SegmentId segment;
  std::uint64_t expire_at = 0;
};

struct ClaimEntry {
  ClaimOwner owner;  // nil: contested
  std::uint64_t claimed_at = 0;
  std::uint64_t expire_at = 0;
  bool decided = false;
  SegmentId segment;
  std::uint64_t sequence = 0;  // of its record
};

struct SegmentEntry {
  SegmentId id;
  std::uint32_t ttl_class = 0;
  std::uint64_t created = 0;
  bool sealed = false;
  bool has_drops = false;   // partition drops: it must outlive the older segments of its class
  std::uint64_t bytes = 0;  // of the file, when sealed
  SegmentSummary summary;   // when sealed
};

// A stretch of a segment that is damaged and not served.
struct QuarantineEntry {
  SegmentId segment;
  std::uint64_t offset = 0;
  std::uint64_t limit = 0;
  std::uint64_t sequence = 0;       // of its record, when its header was good
  std::uint16_t ring_position = 0;  // likewise
  Bytes record_key;                 // likewise; empty: unknown
  std::string reason;
};

// Up to where the index covers a stream: everything before `offset` of `segment` is in it.
struct CoveredPosition {
  SegmentId segment;
  std::uint64_t offset = 0;
  std::uint64_t next_sequence = 1;
};

// Under how many partitions the keys of an index are made.
struct IndexNumbering {
  struct Split {
    std::uint32_t bits = 0;   // it makes 2^bits partitions
    std::uint32_t limit = 0;  // partitions from here on (of the old ones) have their new keys
    friend bool operator==(const Split&, const Split&) = default;
  };
  std::uint32_t bits = 0;
  std::optional<Split> split;  // under way: the index can be read by nobody until it is done
  friend bool operator==(const IndexNumbering&, const IndexNumbering&) = default;
};

class Index;

// Changes to an index that are applied together. Sees its own changes. One caller at a time.
class IndexUpdate {
 public:
  enum class Purpose : std::uint8_t {
    kApply,
    kLookAhead,  // only to see what the index would be: never applied, nothing is encoded
  };
  // `index` outlives the update.
  // `is_here` tells whether a segment is on the disk: what a manifest has only in a lost segment
  // may be committed anew. Without it all are.
  explicit IndexUpdate(const Index* index, std::function<bool(SegmentId)> is_here = nullptr,
                       Purpose purpose = Purpose::kApply)
      : index_(index), is_here_(std::move(is_here)), purpose_(purpose) {}

  // Looks many entries up at once, for the calls of FindChunk that follow.
  Status FetchChunks(const std::vector<Bytes>& index_keys);

  // The entry of `record_key`, as it will be after this update.
  StatusOr<std::optional<ChunkEntry>> FindChunk(PartitionId partition, std::string_view bucket,
                                                const ChunkKey& key) const;
  // A new entry counts in the digest; one that replaces an entry (a repair) does not.
  void PutChunk(PartitionId partition, std::string_view bucket, const ChunkKey& key,
                const ChunkEntry& entry, bool replaces);
  // Adds what is not there yet. Returns how many entries that were.
  // ALREADY_EXISTS: an entry is there with another size or CRC; the update is as before.
  StatusOr<std::size_t> AddCommit(PartitionId partition, const Commit& commit, SegmentId segment,
                                  std::uint64_t expire_at, std::uint64_t heard_at);
  // Looks many claims up at once, for the calls of FindClaim that follow; ids of one bucket.
  Status FetchClaims(std::string_view bucket, const std::vector<PlacedClaim>& claims,
                     std::uint32_t partition_bits);
  StatusOr<std::optional<ClaimEntry>> FindClaim(PartitionId partition, std::string_view bucket,
                                                const ClaimId& id) const;
  // `before`: what FindClaim says; it counts no longer.
  void PutClaim(PartitionId partition, std::string_view bucket, const ClaimId& id,
                const std::optional<ClaimEntry>& before, const ClaimEntry& entry);
  void PutSegment(const SegmentEntry& segment);
  void DeleteSegment(SegmentId id);
  void PutNumbering(const IndexNumbering& numbering);
  void PutPosition(std::uint32_t ttl_class, const CoveredPosition& position);
  void PutQuarantine(const QuarantineEntry& entry);
  void DeleteQuarantine(SegmentId segment, std::uint64_t offset);
  // Takes an entry out if it points into `segment`. For a chunk, a manifest entry, a claim.
  Status RemoveChunk(PartitionId partition, std::string_view bucket, const ChunkKey& key,
                     SegmentId segment);
  Status RemoveManifestEntry(PartitionId partition, std::string_view bucket, const ChunkKey& key,
                             SegmentId segment);
  Status RemoveClaim(PartitionId partition, std::string_view bucket, const ClaimId& id,
                     SegmentId segment);

  std::size_t changes() const { return batch_.changes.size() + digests_.size(); }
  bool empty() const { return changes() == 0; }
  // Everything so far, with one change of each digest. Call once, last.
  const KeyValueBatch& Finish();

 private:
  void AddDigest(PartitionId partition, std::string_view bucket, const ChunkKey& key,
                 std::string_view kind, std::uint32_t crc, bool negative);
  void AddClaimDigest(PartitionId partition, std::string_view bucket, const ClaimId& id,
                      const ClaimEntry& entry, bool negative);
  StatusOr<std::optional<ManifestEntry>> FindManifestEntry(const Bytes& index_key,
                                                           const ChunkKey& key) const;

  const Index* index_;
  std::function<bool(SegmentId)> is_here_;
  KeyValueBatch batch_;
  Purpose purpose_;
  std::unordered_map<Bytes, std::optional<ChunkEntry>> chunks_;  // changed or looked up
  std::unordered_map<Bytes, std::optional<ClaimEntry>> claims_;  // likewise, by id
  std::map<Bytes, Digest> digests_;                              // what is to be added
  std::map<Bytes, std::optional<ManifestEntry>> manifests_;      // likewise
  std::map<Bytes, std::uint64_t> seals_;                         // likewise
};

// Threads: reads from any; Apply and Flush one caller at a time.
class Index {
 public:
  explicit Index(std::unique_ptr<KeyValueStore> entries) : entries_(std::move(entries)) {}

  Status Apply(IndexUpdate* update) { return entries_->Write(update->Finish()); }
  Status Flush() { return entries_->Flush(); }
  Status FlushSoon() { return entries_->FlushSoon(); }

  StatusOr<std::optional<ChunkEntry>> FindChunk(std::string_view index_key) const;
  // The entry, if it is there and in memory; nullopt says nothing: use FindChunk.
  std::optional<ChunkEntry> FindChunkAtOnce(std::string_view index_key) const;
  StatusOr<std::vector<std::optional<ChunkEntry>>> FindChunks(
      const std::vector<Bytes>& index_keys) const;
  StatusOr<Digest> ReadDigest(PartitionId partition, std::string_view bucket,
                              std::uint64_t hour) const;

  // Calls `visit` for each entry of a partition, in key order.
  Status ForEachChunk(
      PartitionId partition,
      const std::function<void(const ParsedIndexKey&, const ChunkEntry&)>& visit) const;
  Status ForEachManifestEntry(
      PartitionId partition,
      const std::function<void(const ParsedIndexKey&, const ManifestEntry&)>& visit) const;
  Status ForEachClaim(PartitionId partition,
                      const std::function<void(std::string_view bucket, const ClaimId& id,
                                               const ClaimEntry&)>& visit) const;
  StatusOr<std::optional<ClaimEntry>> FindClaim(std::string_view id_key) const;
  StatusOr<std::vector<std::optional<ClaimEntry>>> FindClaims(
      const std::vector<Bytes>& id_keys) const;
  StatusOr<bool> HasPartition(PartitionId partition) const;
  // Those with an entry, ascending. Cost: two seeks for each.
  StatusOr<std::vector<PartitionId>> HeldPartitions() const;
  // By bucket, then hour; only those that count something.
  StatusOr<std::vector<HourDigest>> ListDigests(PartitionId partition) const;
  // Deletes digests that count nothing any more, of keys that begin with `prefix`. While nothing is
  // applied.
  Status RemoveEmptyDigests(std::string_view prefix);

  // nullopt: the index is new.
  StatusOr<std::optional<IndexNumbering>> Numbering() const;
  // Makes the keys of 2^bits partitions of those of fewer: each partition becomes several, whose
  // digests are those of their entries (index_split.cc). In atomic batches: begun, and interrupted
  // by an error or a crash, it is finished by calling it again; until then nothing else may read
  // or write entries. OK and nothing done: the keys are those already. While nothing is applied.
  // DATA_LOSS: the index is damaged, or there are more partitions than 2^bits.
  // Cost: all entries are read and written.
  Status SplitPartitions(std::uint32_t bits, std::size_t batch_entries);
  StatusOr<std::vector<SegmentEntry>> Segments() const;
  StatusOr<std::vector<QuarantineEntry>> Quarantine() const;
  StatusOr<std::map<std::uint32_t, CoveredPosition>> Positions() const;
  StatusOr<std::vector<WriterSeal>> Seals() const;
  StatusOr<std::uint64_t> SealOf(const Bytes& seal_key) const;  // 0: none

  const KeyValueStore& entries() const { return *entries_; }

 private:
  const std::unique_ptr<KeyValueStore> entries_;
};

// A value of the manifests family. DATA_LOSS: malformed.
StatusOr<ManifestEntry> DecodeManifestEntry(const ChunkKey& key, std::string_view value);

// The kinds of entries that digests count.
inline constexpr std::string_view kChunkKind = "c";
inline constexpr std::string_view kManifestKind = "m";

// What the digests count: an entry's key with its kind, so that a chunk and its line in a manifest
// are two entries.
Bytes DigestEntryKey(std::string_view kind, std::string_view bucket, const ChunkKey& key);
// Of a claim: that `owner` has `id`. Counted in the slot of its time (ClaimSlotOf).
Digest ClaimDigestOf(std::string_view bucket, const ClaimId& id, const ClaimOwner& owner,
                     bool negative);

}  // namespace carillon
