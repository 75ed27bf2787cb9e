#pragma once

#include <cstdint>
#include <vector>

#include "base/bytes.h"
#include "base/claim.h"
#include "base/ids.h"
#include "base/status.h"

// The bytes of a segment file (docs/FORMATS.md, "Segment"): a header block of 4 KiB, then records
// at multiples of 8. Every record's header CRC is seeded with the segment's salt and the record's
// offset, so that stale or misplaced bytes never pass for a record.
namespace carillon {

inline constexpr std::uint64_t kSegmentHeaderBytes = 4096;
inline constexpr std::uint16_t kSegmentFormatVersion = 1;
inline constexpr std::uint64_t kRecordAlignment = 8;
inline constexpr std::size_t kRecordHeaderBytes = 48;
inline constexpr std::size_t kMaxRecordKeyBytes = 512;
inline constexpr std::size_t kMaxRecordValueBytes = std::size_t{16} << 20;

struct SegmentHeader {
  Uuid cluster;
  Uuid node;
  SegmentId id;
  std::uint64_t salt = 0;       // random
  std::uint32_t ttl_class = 0;  // see TtlClass
  std::uint64_t created = 0;    // seconds since 1970
  friend bool operator==(const SegmentHeader&, const SegmentHeader&) = default;
};

// Exactly kSegmentHeaderBytes.
Bytes EncodeSegmentHeader(const SegmentHeader& header);
// Requires: nothing. DATA_LOSS: too short, wrong magic, wrong CRC. UNIMPLEMENTED: a version that
// this build does not know.
StatusOr<SegmentHeader> DecodeSegmentHeader(ByteSpan bytes);

enum class RecordType : std::uint8_t {
  kChunk = 1,     // key: bucket 0x00 chunk key; value: the chunk's
  kManifest = 2,  // key: bucket 0x00 epoch-dc; value: EncodeCommitValue
  kSync = 3,      // no key, no value: every byte before this record is on disk
  kSeal = 4,      // the last record; value: EncodeSegmentSummary
  kDrop = 5,      // value: EncodePartitionDrop: older records of a partition are dead
  kClaims = 6,    // key: bucket 0x00; value: EncodeClaimsValue
};

struct RecordHeader {
  RecordType type = RecordType::kChunk;
  std::uint16_t key_bytes = 0;
  std::uint32_t value_bytes = 0;
  std::uint64_t sequence = 0;       // grows with every record of a data directory
  std::uint64_t epoch = 0;          // of the chunk or manifest, time of the claims; 0 otherwise
  std::uint64_t expire_at = 0;      // seconds since 1970; 0: never
  std::uint32_t value_crc = 0;      // CRC32C of the value
  std::uint16_t ring_position = 0;  // top 16 bits of the key's hash; of claims: of the first
  friend bool operator==(const RecordHeader&, const RecordHeader&) = default;

  // Header, key, value, padding: how far the next record is.
  std::uint64_t RecordBytes() const;
};

// Appends the 48 header bytes and the key for a record that begins at `offset` of a segment with
// `salt`. Requires: key.size() == header.key_bytes <= kMaxRecordKeyBytes.
void AppendRecordHead(const RecordHeader& header, ByteSpan key, std::uint64_t salt,
                      std::uint64_t offset, Bytes* out);

// Decodes a header and verifies it with its key; `bytes` begins at the record and holds at least
// the header, and the key if the header is right about its length.
// DATA_LOSS: anything wrong, or `bytes` too short.
StatusOr<RecordHeader> DecodeRecordHead(ByteSpan bytes, std::uint64_t salt, std::uint64_t offset);

// Whether `bytes` begin with a record's magic: a quick no for a search.
bool BeginsLikeRecord(ByteSpan bytes);

// "bucket 0x00 key" taken apart. DATA_LOSS: no NUL.
struct RecordKey {
  std::string_view bucket;
  std::string_view key;
};
StatusOr<RecordKey> SplitRecordKey(std::string_view record_key);

// What a seal says of its segment.
struct SegmentSummary {
  std::uint64_t records = 0;        // chunks, manifests, and claims
  std::uint64_t value_bytes = 0;    // of chunks
  std::uint64_t max_expire_at = 0;  // 0 when a record never expires, or there is none
  bool forever = false;             // a record never expires
  std::uint64_t first_epoch = 0;
  std::uint64_t last_epoch = 0;
  friend bool operator==(const SegmentSummary&, const SegmentSummary&) = default;

  void Add(const RecordHeader& header);
  void Merge(const SegmentSummary& other);
};
Bytes EncodeSegmentSummary(const SegmentSummary& summary);
StatusOr<SegmentSummary> DecodeSegmentSummary(ByteSpan bytes);

// Records of ring positions [first, last] with a sequence below `below_sequence` are dead.
struct PartitionDrop {
  std::uint16_t first = 0;
  std::uint16_t last = 0;
  std::uint64_t below_sequence = 0;

  bool Covers(const RecordHeader& header) const {
    return header.ring_position >= first && header.ring_position <= last &&
           header.sequence < below_sequence;
  }
  friend bool operator==(const PartitionDrop&, const PartitionDrop&) = default;
};
Bytes EncodePartitionDrop(const PartitionDrop& drop);
StatusOr<PartitionDrop> DecodePartitionDrop(ByteSpan bytes);

// The value of a claims record: ids of one owner, of any partitions, that were claimed at the epoch
// of the header and expire with it. 1 to kMaxClaims.
struct ClaimsValue {
  ClaimOwner owner;      // nil: contested
  bool decided = false;  // a majority voted so
  std::vector<ClaimId> ids;
  friend bool operator==(const ClaimsValue&, const ClaimsValue&) = default;
};
Bytes EncodeClaimsValue(const ClaimsValue& value);
// DATA_LOSS: not what EncodeClaimsValue writes.
StatusOr<ClaimsValue> DecodeClaimsValue(ByteSpan bytes);

// Streams of one data directory: one per class of lifetimes, so that a segment's records expire
// together. 0: for ever; k: at most 2^(k-1) hours. At most 22 classes.
std::uint32_t TtlClass(std::uint64_t ttl_seconds);

// "000000000000002a.seg"
std::string SegmentFileName(SegmentId id);
StatusOr<SegmentId> ParseSegmentFileName(std::string_view name);

}  // namespace carillon
