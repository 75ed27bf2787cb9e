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

 private:
  RateMeter requests_;
  RateMeter events_;
  RateMeter bytes_;
};

}  // namespace carillon
