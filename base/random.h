#pragma once

#include <cstdint>

#include "base/ids.h"

// The seam for chance: a small generator whose seed decides everything after it.
namespace carillon {

// xoshiro256** (Blackman and Vigna, 2018), seeded with splitmix64. Not for secrets.
// Threads: one caller at a time.
class Random {
 public:
  explicit Random(std::uint64_t seed);

  std::uint64_t Next();
  // In [0, limit). Requires: limit > 0. The bias is below limit / 2^64.
  std::uint64_t Below(std::uint64_t limit);
  bool OneIn(std::uint64_t n) { return Below(n) == 0; }

 private:
  std::uint64_t state_[4];
};

// From the kernel: for seeds, salts, and names, in the shell only.
std::uint64_t RandomSeed();
Uuid RandomUuid();

}  // namespace carillon
