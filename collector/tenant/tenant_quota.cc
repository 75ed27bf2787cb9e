#include "collector/tenant/tenant_quota.h"

#include <algorithm>

namespace carillon {
namespace {

__extension__ using Wide = __int128;

constexpr std::uint64_t kDaySeconds = 86'400;
constexpr std::uint64_t kNanos = 1'000'000'000;
// A bucket that was not asked for so long is full; keeps products within 64 bits.
constexpr auto kLongestRefill = std::chrono::hours(1);
constexpr std::uint64_t kMaxRate = std::uint64_t{1} << 40;

// How long `amount` takes to come at `per_second`, rounded up.
Duration TimeFor(std::uint64_t amount, std::uint64_t per_second) {
  const auto nanos = (static_cast<Wide>(amount) * kNanos + per_second - 1) / per_second;
  const Wide most = kDaySeconds * kNanos;
  return Duration(static_cast<std::int64_t>(std::min(nanos, most)));
}

}  // namespace

std::int64_t RateMeter::Burst() const {
  const std::uint64_t burst = limit_.burst > 0 ? limit_.burst : 2 * limit_.per_second;
  return static_cast<std::int64_t>(std::min(burst, kMaxRate));
}

void RateMeter::Refill(Instant now, WallTime wall) {
  const std::uint64_t day = WallSeconds(wall) / kDaySeconds;
  if (day != day_) {
    day_ = day;
    day_used_ = 0;
  }
  if (!started_) {
    started_ = true;
    filled_ = now;
    level_ = Burst();
  }
  if (limit_.per_second == 0 || now <= filled_) return;
  const Duration passed = std::min<Duration>(now - filled_, kLongestRefill);
  const auto rate = static_cast<std::int64_t>(std::min(limit_.per_second, kMaxRate));
  const auto gained = static_cast<std::int64_t>(static_cast<Wide>(passed.count()) * rate /
                                                static_cast<Wide>(kNanos));
  if (gained == 0) return;
  level_ = std::min(level_ + gained, Burst());
  // Fractions of one are kept as time.
  filled_ =
      level_ == Burst() || passed == kLongestRefill
          ? now
          : filled_ +
                Duration(static_cast<std::int64_t>(static_cast<Wide>(gained) * kNanos / rate));
}

std::optional<Duration> RateMeter::WaitFor(std::uint64_t amount, Instant now, WallTime wall) {
  Refill(now, wall);
  if (limit_.per_day > 0 && amount > 0 && day_used_ + amount > limit_.per_day) {
    return std::chrono::seconds(kDaySeconds - WallSeconds(wall) % kDaySeconds);
  }
  if (limit_.per_second == 0 || amount == 0) return std::nullopt;
  const auto wanted = std::min(static_cast<std::int64_t>(std::min(amount, kMaxRate)), Burst());
  if (wanted <= level_) return std::nullopt;
  return TimeFor(static_cast<std::uint64_t>(wanted - level_), limit_.per_second);
}

void RateMeter::Take(std::uint64_t amount) {
  if (limit_.per_second > 0) level_ -= static_cast<std::int64_t>(std::min(amount, kMaxRate));
  day_used_ += amount;
}

void RateMeter::SetLimit(const RateLimit& limit) {
  if (limit == limit_) return;
  if (limit_.per_second == 0) started_ = false;
  limit_ = limit;
  level_ = std::min(level_, Burst());
}

void RateMeter::RestoreDay(std::uint64_t day, std::uint64_t used) {
  day_ = day;
  day_used_ = used;
}

TenantQuota::TenantQuota(const QuotaLimits& limits)
    : requests_(limits.requests), events_(limits.events), bytes_(limits.bytes) {}

std::optional<Duration> TenantQuota::Take(const QuotaUse& use, Instant now, WallTime wall) {
  std::optional<Duration> wait;
  const auto hear = [&wait](std::optional<Duration> one) {
    if (one.has_value()) wait = std::max(wait.value_or(Duration(0)), *one);
  };
  hear(requests_.WaitFor(use.requests, now, wall));
  hear(events_.WaitFor(use.events, now, wall));
  hear(bytes_.WaitFor(use.bytes, now, wall));
  if (wait.has_value()) return wait;
  requests_.Take(use.requests);
  events_.Take(use.events);
  bytes_.Take(use.bytes);
  return std::nullopt;
}

void TenantQuota::SetLimits(const QuotaLimits& limits) {
  requests_.SetLimit(limits.requests);
  events_.SetLimit(limits.events);
  bytes_.SetLimit(limits.bytes);
}

DayUse TenantQuota::day_use() const {
  const std::uint64_t day = std::max({requests_.day(), events_.day(), bytes_.day()});
  return {.day = day,
          .use = {.requests = requests_.UsedOn(day),
                  .events = events_.UsedOn(day),
                  .bytes = bytes_.UsedOn(day)}};
}

void TenantQuota::Restore(const DayUse& day) {
  requests_.RestoreDay(day.day, day.use.requests);
  events_.RestoreDay(day.day, day.use.events);
  bytes_.RestoreDay(day.day, day.use.bytes);
}

}  // namespace carillon
