#pragma once

#include <cstdint>
#include <string_view>

#include "base/ids.h"

// From a key to its place on the ring: XXH3-64 of `bucket 0x00 key`; the top bits are the
// partition.
namespace carillon {

using KeyHash = Id<struct KeyHashTag, std::uint64_t>;

// `key`: a chunk key's text, or `epoch-dc` of a manifest.
KeyHash HashKey(std::string_view bucket, std::string_view key);

// Requires: bits <= 12. 0 bits: one partition.
constexpr PartitionId PartitionOf(KeyHash hash, std::uint32_t bits) {
  return PartitionId(bits == 0 ? 0 : static_cast<std::uint16_t>(hash.value() >> (64 - bits)));
}

// The top 16 bits: enough to tell the partition of any ring, stored with every record.
constexpr std::uint16_t RingPosition(KeyHash hash) {
  return static_cast<std::uint16_t>(hash.value() >> 48);
}

}  // namespace carillon
