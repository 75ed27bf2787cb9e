#pragma once

#include <chrono>
#include <cstdint>

// The seam for time. Pure code takes an Instant or a WallTime as an argument; only the shell asks
// a Clock.
namespace carillon {

using Duration = std::chrono::nanoseconds;

// Monotonic; the zero means nothing. For deadlines and intervals.
using Instant = std::chrono::time_point<std::chrono::steady_clock, Duration>;
// UTC since 1970; may jump. For epochs and expiry.
using WallTime = std::chrono::time_point<std::chrono::system_clock, Duration>;

inline std::uint64_t WallSeconds(WallTime time) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time.time_since_epoch()).count();
  return seconds < 0 ? 0 : static_cast<std::uint64_t>(seconds);
}

// Threads: any.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual Instant Now() const = 0;
  virtual WallTime WallNow() const = 0;
};

// The machine's own clocks. Lives for ever.
const Clock& SystemClock();

}  // namespace carillon
