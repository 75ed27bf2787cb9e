#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <vector>

#include "base/chunk_info.h"
#include "base/ids.h"

namespace carillon {

struct TailLimits {
  std::uint64_t look_back_seconds = 10;
  std::size_t max_remembered = 1'000'000;  // chunks; about 80 bytes each
};

// Which chunks a follower has not seen yet. Chunks may be committed to a second long after it
// passed: the range to ask for begins `look_back_seconds` before now, and what was returned from it
// is remembered until the range has moved on. Beyond max_remembered the oldest second is given up:
// the range begins behind it.
//
// Pure. One caller at a time. A chunk is remembered by a 64-bit hash of its key, a second.
class TailWindow {
 public:
  // Nothing before `from` is wanted.
  TailWindow(Epoch from, TailLimits limits) : first_(from), limits_(limits) {}

  // Where the range to list begins.
  Epoch first() const { return first_; }

  // The chunks of `second` that did not come before, in their order. Seconds before first() give
  // none.
  std::vector<ChunkInfo> TakeNew(const Second& second);

  // Everything up to `now` has been listed: forgets what lies before the look-back.
  void Advance(Epoch now);

  std::size_t remembered() const { return remembered_; }

 private:
  void ForgetBefore(Epoch epoch);
  Epoch first_;
  const TailLimits limits_;
  std::map<Epoch, std::set<std::uint64_t>> seen_;
  std::size_t remembered_ = 0;
};

}  // namespace carillon
