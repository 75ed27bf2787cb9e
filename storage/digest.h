#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "base/hash.h"
#include "base/status.h"

// What two replicas compare: for each (partition, bucket, hour) how many entries there are and the
// XOR of their 128-bit hashes. Equal digests: equal sets, but for one chance in 2^128. 24 bytes.
namespace carillon {

struct Digest {
  std::uint64_t count = 0;
  Hash128Value sum;
  friend bool operator==(const Digest&, const Digest&) = default;

  // The union of disjoint sets.
  void Add(const Digest& other) {
    count += other.count;
    sum.low ^= other.sum.low;
    sum.high ^= other.sum.high;
  }
};

// The digest of one entry: its key (DigestEntryKey of index.h) and its value's CRC.
Digest DigestOf(ByteSpan entry_key, std::uint32_t value_crc);
// What added to a digest takes that entry out again.
Digest NegativeDigestOf(ByteSpan entry_key, std::uint32_t value_crc);

Bytes EncodeDigest(const Digest& digest);
// DATA_LOSS: not 24 bytes.
StatusOr<Digest> DecodeDigest(ByteSpan bytes);

}  // namespace carillon
