#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/status.h"

namespace carillon {

// How long operations took, in buckets that grow with the value: 32 to each doubling, so a
// percentile is at most 3 % above the true one. Histograms of several processes add up, which
// percentiles do not. Pure. Memory: 16 KiB at most.
class LatencyHistogram {
 public:
  void Add(Duration took);
  void Merge(const LatencyHistogram& other);

  std::uint64_t count() const { return count_; }
  // The least time that at least `fraction` (0..1) of the operations took; 0: there were none.
  double PercentileMs(double fraction) const;
  double max_ms() const { return static_cast<double>(max_ns_) / 1e6; }

  // "bucket:count,...;max", for Decode. INVALID_ARGUMENT: not that.
  std::string Encode() const;
  static StatusOr<LatencyHistogram> Decode(std::string_view text);

  // Cumulative: (milliseconds, fraction of operations that took at most that), where it changes.
  std::vector<std::pair<double, double>> Curve() const;

 private:
  std::vector<std::uint64_t> buckets_;
  std::uint64_t count_ = 0;
  std::uint64_t max_ns_ = 0;
};

}  // namespace carillon
