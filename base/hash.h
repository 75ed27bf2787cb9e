#pragma once

#include <cstdint>
#include <string_view>

#include "base/bytes.h"

// XXH3, seed 0: stable across versions and machines (xxHash's own promise since 0.8).
namespace carillon {

std::uint64_t Hash64(ByteSpan bytes);

// Of `bucket 0x00 key`: where a key lies on the ring (ring/hash_ring.h). `key`: a chunk key's text,
// or `epoch-dc` of a manifest.
std::uint64_t HashOfKey(std::string_view bucket, std::string_view key);

struct Hash128Value {
  std::uint64_t low = 0;
  std::uint64_t high = 0;
  friend bool operator==(const Hash128Value&, const Hash128Value&) = default;
};
Hash128Value Hash128(ByteSpan bytes);

}  // namespace carillon
