#pragma once

#include <cstdint>
#include <optional>

#include "base/clock.h"

namespace carillon {

struct StaleLimits {
  std::uint32_t percent = 20;  // 1..99: of all bytes while live chunks flow
  // Chunks of the last so many seconds are live; so is the flow for so long after one came.
  std::uint64_t live_seconds = 10;
  Duration flow = std::chrono::seconds(3);
  // While live chunks flow, but none waits, stale ones have at least so much a second, with what
  // the live ones earn them: a trickle of live ones does not stop a backlog.
  std::uint64_t floor_bytes_per_second = std::uint64_t{1} << 20;
  std::int64_t max_credit_bytes = 1 << 20;
};

// How many bytes of stale chunks may be sent beside the live ones.
//
// Live bytes earn credit, percent / (100 - percent) of them; time adds what is missing to the
// floor, over `flow`: live chunks come in bursts, at the end of a second. A stale chunk may go
// while there is credit, and may overdraw it once. So the share holds over any stretch of time, to
// within one chunk and max_credit_bytes. Without live chunks there is no limit.
//
// Pure. One caller at a time.
class StaleBudget {
 public:
  explicit StaleBudget(const StaleLimits& limits) : limits_(limits) {}

  bool IsLive(std::uint64_t epoch, std::uint64_t wall_seconds) const {
    return epoch + limits_.live_seconds >= wall_seconds;
  }
  // A live chunk came.
  void HandleLive(Instant now) { live_until_ = now + limits_.flow; }
  bool Flows(Instant now) const { return now < live_until_; }

  void SpendLive(std::uint64_t bytes);
  void SpendStale(std::uint64_t bytes) { credit_ -= static_cast<std::int64_t>(bytes); }
  // Passing of time; `live_waits`: a live chunk waits to be sent.
  void Tick(Instant now, bool live_waits);
  bool MaySendStale(Instant now) const { return !Flows(now) || credit_ > 0; }
  // When MaySendStale may become true by the passing of time alone; nullopt: it is.
  std::optional<Instant> Deadline(Instant now, bool live_waits) const;

 private:
  std::int64_t FloorOf(Duration time) const;

  const StaleLimits limits_;
  std::int64_t credit_ = 0;
  std::int64_t ahead_ = 0;  // earned by live bytes, above the floor of the time that has passed
  Instant live_until_{};
  Instant last_tick_{};
};

}  // namespace carillon
