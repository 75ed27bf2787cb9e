#pragma once

#include <algorithm>
#include <cstddef>

#include "base/clock.h"

namespace carillon {

struct CallWindowLimits {
  std::size_t first = 4;
  std::size_t min = 1;
  std::size_t max = 32;
  // Whoever answers is not behind as long as it answers in this time.
  Duration quick = std::chrono::milliseconds(250);
};

// How many calls to have under way at once, of somebody whose capacity is not known: more of them
// while answers are quick, half as many when one is slow or fails. Whoever is asked for more than
// it can do answers late to all, and what is answered too late was done for nothing.
//
// Additive increase, multiplicative decrease, as of TCP: doubles a round at first, and after the
// first slow answer grows by one a round. Answers to what was asked before it last shrank do not
// shrink it again.
//
// Pure. One caller at a time.
class CallWindow {
 public:
  explicit CallWindow(const CallWindowLimits& limits)
      : limits_(limits),
        size_(static_cast<double>(std::clamp(limits.first, limits.min, limits.max))) {}

  // In limits.min..limits.max.
  std::size_t size() const { return static_cast<std::size_t>(size_); }

  // A call that was started at `started` ended. `all_used`: as many were under way as might be;
  // only then does it show anything that all went well.
  void HandleEnd(bool ok, bool all_used, Instant started, Instant now) {
    if (!ok || now - started > limits_.quick) {
      if (started < shrank_at_) return;
      size_ = std::max(static_cast<double>(limits_.min), size_ / 2);
      shrank_at_ = now;
      has_shrunk_ = true;
      return;
    }
    if (!all_used) return;
    size_ = std::min(static_cast<double>(limits_.max), size_ + (has_shrunk_ ? 1 / size_ : 1));
  }

 private:
  CallWindowLimits limits_;
  double size_;
  bool has_shrunk_ = false;
  Instant shrank_at_ = Instant::min();
};

}  // namespace carillon
