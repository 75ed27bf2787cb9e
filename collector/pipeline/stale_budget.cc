#include "collector/pipeline/stale_budget.h"

#include <algorithm>

namespace carillon {

std::int64_t StaleBudget::FloorOf(Duration time) const {
  const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(time).count();
  return static_cast<std::int64_t>(limits_.floor_bytes_per_second) * micros / 1'000'000;
}

void StaleBudget::SpendLive(std::uint64_t bytes) {
  const auto earned = static_cast<std::int64_t>(bytes * limits_.percent / (100 - limits_.percent));
  const std::int64_t before = credit_;
  credit_ = std::min(credit_ + earned, limits_.max_credit_bytes);
  ahead_ = std::min(ahead_ + credit_ - before, FloorOf(limits_.flow));
}

void StaleBudget::Tick(Instant now, bool live_waits) {
  if (!Flows(now)) credit_ = ahead_ = 0;
  if (last_tick_ == Instant() || live_waits || !Flows(now)) {
    last_tick_ = now;
    return;
  }
  // No more than a second at once: the floor is a rate, not something to save up.
  const Duration passed =
      std::clamp<Duration>(now - last_tick_, Duration(0), Duration(1'000'000'000));
  const std::int64_t floor = FloorOf(passed);
  if (floor == 0) return;
  last_tick_ = now;
  const std::int64_t earned_already = std::min(ahead_, floor);
  ahead_ -= earned_already;
  const std::int64_t missing = floor - earned_already;
  credit_ = std::min(credit_ + missing, std::max(credit_, limits_.max_credit_bytes));
}

std::optional<Instant> StaleBudget::Deadline(Instant now, bool live_waits) const {
  if (MaySendStale(now)) return std::nullopt;
  if (live_waits) return live_until_;
  const auto missing = static_cast<std::uint64_t>(1 - credit_ + ahead_);
  const std::uint64_t millis = missing * 1000 / limits_.floor_bytes_per_second + 1;
  return std::min(live_until_, now + std::chrono::milliseconds(millis));
}

}  // namespace carillon
