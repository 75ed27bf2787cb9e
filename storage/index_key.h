#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/chunk_key.h"
#include "base/claim.h"
#include "base/ids.h"
#include "base/status.h"

// Keys of the index (docs/FORMATS.md, "Index"): they sort as
//   partition | bucket | epoch | dc | cell | type | subtype | N
// with integers big-endian and names ended by NUL, so that a manifest, a range of seconds, and a
// partition are one scan each. Digests: partition | bucket | hour.
namespace carillon {

// Ring positions: the top 16 bits of a key's hash (base/hash.h). They are the same under any number
// of partitions; a record's header has that of its key.
std::uint16_t ChunkPosition(std::string_view bucket, const ChunkKey& key);
std::uint16_t ManifestPosition(std::string_view bucket, Epoch epoch, std::string_view dc);

// The partition of a position when there are 2^bits of them.
constexpr PartitionId PartitionAt(std::uint16_t position, std::uint32_t bits) {
  return PartitionId(static_cast<std::uint16_t>(position >> (16 - bits)));
}

Bytes ChunkIndexKey(PartitionId partition, std::string_view bucket, const ChunkKey& key);

// The prefixes of such keys, to scan from and to.
Bytes PartitionPrefix(PartitionId partition);
Bytes EpochPrefix(PartitionId partition, std::string_view bucket, Epoch epoch);
Bytes SecondPrefix(PartitionId partition, std::string_view bucket, Epoch epoch,
                   std::string_view dc);
Bytes DigestKey(PartitionId partition, std::string_view bucket, std::uint64_t hour);

struct ParsedIndexKey {
  PartitionId partition;
  std::string bucket;
  ChunkKey key;
};
// DATA_LOSS: not what ChunkIndexKey makes.
StatusOr<ParsedIndexKey> ParseChunkIndexKey(std::string_view bytes);

// Of a claim there are two keys: one to find it by its id, one to list claims in the order of time.
//   partition | bucket | 'i' | id        partition | bucket | 't' | claimed_at | id
Bytes ClaimIdKey(PartitionId partition, std::string_view bucket, const ClaimId& id);
Bytes ClaimTimeKey(PartitionId partition, std::string_view bucket, std::uint64_t claimed_at,
                   const ClaimId& id);
// Where the keys of a time begin.
Bytes ClaimTimePrefix(PartitionId partition, std::string_view bucket, std::uint64_t claimed_at);

struct ParsedClaimKey {
  PartitionId partition;
  std::string bucket;
  std::optional<std::uint64_t> claimed_at;  // of a key by time
  ClaimId id;
};
// DATA_LOSS: neither of the two.
StatusOr<ParsedClaimKey> ParseClaimKey(std::string_view bytes);

// The partition that a key of chunks, manifests, claims, or digests begins with. DATA_LOSS: too
// short.
StatusOr<PartitionId> ParsePartition(std::string_view bytes);

struct ParsedDigestKey {
  PartitionId partition;
  std::string bucket;
  std::uint64_t hour = 0;
};
// DATA_LOSS: not what DigestKey makes.
StatusOr<ParsedDigestKey> ParseDigestKey(std::string_view bytes);

// The smallest string greater than all that begin with `prefix`; empty: there is none.
Bytes PrefixLimit(std::string_view prefix);

}  // namespace carillon
