#pragma once

#include <algorithm>
#include <cstdint>

#include "base/clock.h"

namespace carillon {

struct BreakerLimits {
  std::uint32_t failures = 5;  // in a row, until it opens
  Duration rest = std::chrono::seconds(5);
  Duration max_rest = std::chrono::seconds(60);
};

// Whether it is worth asking, of something that may be away.
//
//   closed --`failures` in a row--> open --`rest` passes--> one may try --failure--> open, for
//   longer
//      ^------------------- success, of whatever was asked ------------------|
//
// Pure. One caller at a time.
class ClaimBreaker {
 public:
  explicit ClaimBreaker(const BreakerLimits& limits) : limits_(limits), rest_(limits.rest) {}

  // May one more be asked? True makes that the one that tries, if it is open.
  bool Admit(Instant now) {
    if (!open_) return true;
    if (trying_ || now < open_until_) return false;
    return trying_ = true;
  }
  void HandleSuccess() {
    failures_ = 0;
    open_ = trying_ = false;
    rest_ = limits_.rest;
  }
  // What was to be asked needed no answer after all.
  void HandleNothing() { trying_ = false; }
  // Of those that were asked before it opened changes nothing.
  void HandleFailure(Instant now) {
    ++failures_;
    if (open_ && !trying_) return;
    if (!open_ && failures_ < limits_.failures) return;
    if (open_) rest_ = std::min(rest_ * 2, limits_.max_rest);
    open_ = true;
    trying_ = false;
    open_until_ = now + rest_;
  }

  bool is_open() const { return open_; }
  // It knows nothing that a new one does not.
  bool is_fresh() const { return !open_ && failures_ == 0; }

 private:
  BreakerLimits limits_;
  Duration rest_;
  std::uint32_t failures_ = 0;
  bool open_ = false;
  bool trying_ = false;
  Instant open_until_{};
};

}  // namespace carillon
