#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "base/clock.h"

namespace carillon {

// How many times as long as a batch took to come a pull rests after it, at least: it has a quarter
// of its source's time. A source that is busy with others is slow, and so is asked less; one that
// is idle is quick, and only `bytes_per_second` counts. (As LEDBAT, RFC 6817, yields to other
// traffic by its delay.)
inline constexpr int kSyncYield = 3;

// The rest after a batch of `bytes` that was `took` on its way. `bytes_per_second` 0: no limit, no
// rest.
inline Duration PauseAfterBatch(std::uint64_t bytes, Duration took,
                                std::uint64_t bytes_per_second) {
  if (bytes_per_second == 0) return Duration::zero();
  const Duration for_rate = std::chrono::microseconds(bytes * 1'000'000 / bytes_per_second);
  return std::max(for_rate, took * kSyncYield);
}

}  // namespace carillon
