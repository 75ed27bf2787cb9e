#pragma once

#include <cstdint>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"

// How long a suspect has to say that it lives: Lifeguard's LHA-Suspicion (Dadgar, Phillips, Currey
// 2017, section IV.B), in integers.
namespace carillon {

// 1024 * log2(value), rounded down. Requires: value > 0.
std::uint32_t Log2Times1024(std::uint64_t value);

struct SuspicionTimes {
  Duration least{0};            // when enough others suspect it too
  Duration most{0};             // when nobody else does
  std::uint32_t confirmations;  // how many others are enough
};
// least = multiplier * max(1, log10(members)) * period; most = most_multiplier * least.
SuspicionTimes SuspicionTimesOf(std::uint32_t multiplier, std::uint32_t most_multiplier,
                                Duration period, std::size_t members);

// One suspect's clock. Pure.
class Suspicion {
 public:
  // `by` is who was heard to suspect it first.
  Suspicion(const SuspicionTimes& times, Instant now, const NodeId& by);

  // True: `by` is one more who suspects it on its own, and the deadline came nearer, though not
  // before `now`. Who has been counted, and everyone after `confirmations`, changes nothing.
  bool Confirm(Instant now, const NodeId& by);
  // The owner was stopped for `gap`: nobody could have refuted in that time.
  void Postpone(Duration gap);
  Instant deadline() const { return deadline_; }

 private:
  Duration Length() const;

  SuspicionTimes times_;
  Instant began_;
  std::vector<NodeId> by_;  // the first, then those who confirmed
  Instant deadline_;
};

}  // namespace carillon
