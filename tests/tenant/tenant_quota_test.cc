#include "collector/tenant/tenant_quota.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace carillon {
namespace {

using namespace std::chrono_literals;

class TenantQuotaTest : public testing::Test {
 protected:
  std::optional<Duration> Take(TenantQuota* quota, const QuotaUse& use) {
    return quota->Take(use, now_, wall_);
  }
  void Pass(Duration time) {
    now_ += time;
    wall_ += time;
  }
  Instant now_{1000s};
  WallTime wall_{20'000 * 86'400s};  // a midnight
};

TEST_F(TenantQuotaTest, TakesEverythingWithoutLimits) {
  TenantQuota quota({});
  for (int i = 0; i < 1000; ++i) {
    EXPECT_FALSE(Take(&quota, {.requests = 1000, .events = 1u << 30, .bytes = 1u << 30}));
  }
}

TEST_F(TenantQuotaTest, RefusesBeyondTheBurstAndSaysWhenItFits) {
  TenantQuota quota({.requests = {.per_second = 10, .burst = 3}});
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(Take(&quota, {.requests = 1}));
  const auto wait = Take(&quota, {.requests = 1});
  ASSERT_TRUE(wait.has_value());
  EXPECT_GT(*wait, 99ms);
  EXPECT_LE(*wait, 101ms);
  Pass(*wait);
  EXPECT_FALSE(Take(&quota, {.requests = 1}));
}

TEST_F(TenantQuotaTest, TakesNothingWhenOneOfThreeIsOver) {
  TenantQuota quota(
      {.requests = {.per_second = 1, .burst = 1}, .events = {.per_second = 10, .burst = 10}});
  EXPECT_FALSE(Take(&quota, {.events = 5}));
  EXPECT_TRUE(Take(&quota, {.requests = 1, .events = 6}));
  EXPECT_FALSE(Take(&quota, {.requests = 1, .events = 5}));
}

TEST_F(TenantQuotaTest, LetsARequestAboveTheBurstPassAndMakesItsDebtBePaid) {
  TenantQuota quota({.events = {.per_second = 100, .burst = 100}});
  EXPECT_FALSE(Take(&quota, {.events = 1000}));
  Pass(5s);
  EXPECT_TRUE(Take(&quota, {.events = 1}));
  Pass(4100ms);
  EXPECT_FALSE(Take(&quota, {.events = 1}));
}

TEST_F(TenantQuotaTest, CountsTheDayOfUtcAndBeginsAnewAtMidnight) {
  TenantQuota quota({.bytes = {.per_day = 100}});
  Pass(23h);
  EXPECT_FALSE(Take(&quota, {.bytes = 100}));
  const auto wait = Take(&quota, {.bytes = 1});
  EXPECT_EQ(wait, Duration(1h));
  Pass(1h);
  EXPECT_FALSE(Take(&quota, {.bytes = 100}));
}

TEST_F(TenantQuotaTest, KeepsWhatWasUsedWhenLimitsChange) {
  TenantQuota quota({.requests = {.per_second = 1, .burst = 5}});
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(Take(&quota, {.requests = 1}));
  quota.SetLimits({.requests = {.per_second = 1, .burst = 100}});
  EXPECT_TRUE(Take(&quota, {.requests = 1}));
  quota.SetLimits({});
  EXPECT_FALSE(Take(&quota, {.requests = 1}));
  quota.SetLimits({.requests = {.per_second = 1, .burst = 2}});
  EXPECT_FALSE(Take(&quota, {.requests = 1}));
}

RC_GTEST_FIXTURE_PROP(TenantQuotaTest, NeverLetsPassMoreThanBurstAndRateAllow, ()) {
  const auto rate = *rc::gen::inRange<std::uint64_t>(1, 1000);
  const auto burst = *rc::gen::inRange<std::uint64_t>(1, 1000);
  TenantQuota quota({.events = {.per_second = rate, .burst = burst}});
  std::uint64_t taken = 0;
  const Instant begin = now_;
  const auto steps = *rc::gen::container<std::vector<std::pair<std::uint64_t, std::int64_t>>>(
      rc::gen::pair(rc::gen::inRange<std::uint64_t>(0, burst + 1),
                    rc::gen::inRange<std::int64_t>(0, 300'000'000)));
  for (const auto& [amount, pause] : steps) {
    Pass(Duration(pause));
    if (!Take(&quota, {.events = amount})) taken += amount;
  }
  const double seconds = std::chrono::duration<double>(now_ - begin).count();
  RC_ASSERT(static_cast<double>(taken) <=
            static_cast<double>(burst) + seconds * static_cast<double>(rate) + 1e-6);
}

TEST_F(TenantQuotaTest, GoesOnFromWhatAnEarlierProcessTook) {
  const QuotaLimits limits{.requests = {.per_day = 10}, .bytes = {.per_day = 100}};
  TenantQuota before(limits);
  EXPECT_FALSE(Take(&before, {.requests = 4, .bytes = 60}));
  TenantQuota after(limits);
  after.Restore(before.day_use());
  EXPECT_TRUE(Take(&after, {.bytes = 41}));
  EXPECT_FALSE(Take(&after, {.requests = 6, .bytes = 40}));
  EXPECT_TRUE(Take(&after, {.requests = 1}));
  EXPECT_EQ(after.day_use().day, 20'000);
  EXPECT_EQ(after.day_use().use.requests, 10);
  EXPECT_EQ(after.day_use().use.bytes, 100);
}

TEST_F(TenantQuotaTest, WhatWasTakenOnAnotherDayDoesNotCount) {
  TenantQuota quota({.bytes = {.per_day = 100}});
  quota.Restore({.day = 19'999, .use = {.bytes = 100}});
  EXPECT_FALSE(Take(&quota, {.bytes = 100}));
  EXPECT_TRUE(Take(&quota, {.bytes = 1}));
}

}  // namespace
}  // namespace carillon
