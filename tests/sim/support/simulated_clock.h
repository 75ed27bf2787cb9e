#pragma once

#include <atomic>
#include <cstdint>

#include "base/clock.h"

namespace carillon {

// A clock that stands still until it is told to go on. Threads: any.
class SimulatedClock final : public Clock {
 public:
  explicit SimulatedClock(std::uint64_t wall_seconds) : wall_seconds_(wall_seconds) {}

  Instant Now() const override { return Instant(std::chrono::seconds(monotonic_seconds_.load())); }
  WallTime WallNow() const override { return WallTime(std::chrono::seconds(wall_seconds_.load())); }
  std::uint64_t wall_seconds() const { return wall_seconds_; }

  void Advance(std::uint64_t seconds) {
    wall_seconds_ += seconds;
    monotonic_seconds_ += seconds;
  }

 private:
  std::atomic<std::uint64_t> wall_seconds_;
  std::atomic<std::uint64_t> monotonic_seconds_{1};
};

}  // namespace carillon
