#include "ring/suspicion.h"

#include <algorithm>
#include <bit>

#include "base/check.h"

namespace carillon {
namespace {

constexpr std::uint32_t kLog2Of10Times1024 = 3401;

}  // namespace

std::uint32_t Log2Times1024(std::uint64_t value) {
  CHECK(value > 0);
  const int whole = std::bit_width(value) - 1;
  // In [1, 2) with 31 bits after the point; each squaring gives one more bit of the logarithm.
  std::uint64_t rest = whole > 31 ? value >> (whole - 31) : value << (31 - whole);
  auto result = static_cast<std::uint32_t>(whole);
  for (int bit = 0; bit < 10; ++bit) {
    rest = rest * rest >> 31;
    const std::uint32_t one = rest >> 32 != 0 ? 1 : 0;
    result = result << 1 | one;
    rest >>= one;
  }
  return result;
}

SuspicionTimes SuspicionTimesOf(std::uint32_t multiplier, std::uint32_t most_multiplier,
                                Duration period, std::size_t members) {
  const std::uint32_t log10_times_1024 = std::max<std::uint32_t>(
      1024, static_cast<std::uint32_t>(Log2Times1024(members + 1) * 1024ull / kLog2Of10Times1024));
  SuspicionTimes times;
  times.least = period * multiplier * log10_times_1024 / 1024;
  times.most = times.least * most_multiplier;
  times.confirmations = multiplier > 2 ? multiplier - 2 : 0;
  // Too few members to confirm: neither the suspect nor we count.
  if (members < 2 + times.confirmations) times.confirmations = 0;
  return times;
}

Suspicion::Suspicion(const SuspicionTimes& times, Instant now, const NodeId& by)
    : times_(times), began_(now), by_{by}, deadline_(now + Length()) {}

bool Suspicion::Confirm(Instant now, const NodeId& by) {
  if (by_.size() > times_.confirmations || std::ranges::find(by_, by) != by_.end()) return false;
  by_.push_back(by);
  deadline_ = std::max(now, began_ + Length());
  return true;
}

void Suspicion::Postpone(Duration gap) {
  began_ += gap;
  deadline_ += gap;
}

Duration Suspicion::Length() const {
  if (times_.confirmations == 0) return times_.least;
  const Duration range = times_.most - times_.least;
  return times_.most - range * Log2Times1024(by_.size()) /
                           static_cast<Duration::rep>(Log2Times1024(times_.confirmations + 1));
}

}  // namespace carillon
