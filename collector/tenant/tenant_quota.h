#pragma once

#include <cstdint>
#include <optional>

#include "base/clock.h"

// How much a tenant may send. Pure.
namespace carillon {

// Of one thing that is counted; 0: no limit.
struct RateLimit {
  std::uint64_t per_second = 0;
  std::uint64_t burst = 0;    // 0: two seconds' worth
  std::uint64_t per_day = 0;  // of UTC
  friend bool operator==(const RateLimit&, const RateLimit&) = default;
};

struct QuotaLimits {
  RateLimit requests;
  RateLimit events;
  RateLimit bytes;  // of bodies, unpacked
  friend bool operator==(const QuotaLimits&, const QuotaLimits&) = default;
};

struct QuotaUse {
  std::uint64_t requests = 0;
  std::uint64_t events = 0;
  std::uint64_t bytes = 0;
};

// What was used on one day of UTC.
struct DayUse {
  std::uint64_t day = 0;  // since 1970
  QuotaUse use;
};

// A token bucket and a count of the day. What is larger than the burst passes when the bucket is
// full, and leaves it in debt: over time the rate holds for every size.
//
// Threads: one caller at a time. Starts full.
class RateMeter {
 public:
  explicit RateMeter(const RateLimit& limit) : limit_(limit) {}

  // nullopt: `amount` fits. Otherwise, how long it does not.
  std::optional<Duration> WaitFor(std::uint64_t amount, Instant now, WallTime wall);
  // Takes it. Requires: WaitFor of the same arguments said nullopt.
  void Take(std::uint64_t amount);
  // New limits; what was used stays used.
  void SetLimit(const RateLimit& limit);

  // How much was taken on `day`, if that is the one that was counted last.
  std::uint64_t UsedOn(std::uint64_t day) const { return day == day_ ? day_used_ : 0; }
  std::uint64_t day() const { return day_; }
  // As if it had been taken on `day`, by an earlier process.
  void RestoreDay(std::uint64_t day, std::uint64_t used);

 private:
  std::int64_t Burst() const;
  void Refill(Instant now, WallTime wall);

  RateLimit limit_;
  bool started_ = false;
  Instant filled_;          // when level_ was right
  std::int64_t level_ = 0;  // of the bucket; below zero: debt
  std::uint64_t day_ = 0;   // since 1970
  std::uint64_t day_used_ = 0;
};

// All that is counted of one tenant. Threads: one caller at a time.
class TenantQuota {
 public:
  explicit TenantQuota(const QuotaLimits& limits);

  // Takes all of `use` and says nullopt, or takes nothing and says when to try again.
  std::optional<Duration> Take(const QuotaUse& use, Instant now, WallTime wall);
  void SetLimits(const QuotaLimits& limits);

  // The last day on which anything was taken.
  DayUse day_use() const;
  void Restore(const DayUse& day);

 private:
  RateMeter requests_;
  RateMeter events_;
  RateMeter bytes_;
};

}  // namespace carillon
