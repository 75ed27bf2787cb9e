#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/clock.h"
#include "tools/carillon/input/loader.h"

namespace carillon {

struct LoadProgress {
  LoadCounts counts;
  std::uint64_t position = 0;  // bytes read of the files
  std::uint64_t total = 0;     // bytes of the files; 0: not known
  double seconds = 0;          // since the start
};

// "[=====>    ]  52%  1,234,567 events  250,000/s  120.5 MB  3 bad", without the bar when the total
// is not known.
std::string FormatProgress(const LoadProgress& progress);

// When to draw again: at most ten times a second. Pure.
class DrawPacer {
 public:
  bool IsDue(Instant now);

 private:
  std::optional<Instant> last_;
};

}  // namespace carillon
