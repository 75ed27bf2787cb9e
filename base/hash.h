#pragma once

#include <cstdint>

#include "base/bytes.h"

// XXH3, seed 0: stable across versions and machines (xxHash's own promise since 0.8).
namespace carillon {

std::uint64_t Hash64(ByteSpan bytes);

struct Hash128Value {
  std::uint64_t low = 0;
  std::uint64_t high = 0;
  friend bool operator==(const Hash128Value&, const Hash128Value&) = default;
};
Hash128Value Hash128(ByteSpan bytes);

}  // namespace carillon
