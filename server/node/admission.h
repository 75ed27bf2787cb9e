#pragma once

#include <cstddef>
#include <cstdint>

#include "base/clock.h"
#include "base/status.h"

namespace carillon {

struct AdmissionLimits {
  Duration queue_time = std::chrono::seconds(1);   // of work that may be under way
  std::size_t free_requests = 1000;                // always admitted
  std::size_t free_bytes = std::size_t{64} << 20;  // likewise
};

// How much work may be under way: what is done in `queue_time` at the rate at which it is being
// done, and a little always. So what is admitted is answered while its caller still waits, however
// much is asked; a longer queue would only be full of what nobody waits for any more.
//
// The rate is a moving average over about a second. Pure. One owner at a time. Memory: O(1).
class Admission {
 public:
  explicit Admission(const AdmissionLimits& limits) : limits_(limits) {}

  // Takes one request of `bytes`, which is under way until End. RESOURCE_EXHAUSTED, with a hint
  // when half of what is under way will be done: too much is; nothing is taken.
  Status Take(std::size_t bytes, Instant now);
  // It was answered. `done`: it was work, not only refused.
  void End(std::size_t bytes, bool done, Instant now);

  std::size_t requests() const { return requests_; }
  std::size_t bytes() const { return bytes_; }

 private:
  void Measure(Instant now);
  Duration HalfTime() const;

  const AdmissionLimits limits_;
  std::size_t requests_ = 0;  // under way
  std::size_t bytes_ = 0;
  Instant since_{};  // what was done since then is not in the rates yet
  std::uint64_t done_requests_ = 0;
  std::uint64_t done_bytes_ = 0;
  double requests_per_second_ = 0;
  double bytes_per_second_ = 0;
};

}  // namespace carillon
