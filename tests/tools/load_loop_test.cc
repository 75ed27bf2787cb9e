#include "tools/carillon/bench/load_loop.h"

#include <gtest/gtest.h>

namespace carillon {
namespace {

using std::chrono::milliseconds;

TEST(LoadLoopTest, AnOpenLoopBeginsEveryOperationThatIsDue) {
  std::uint64_t begun = 0;
  const LoadResult result = RunLoad({.at_once = 4, .seconds = 0.1, .per_second = 1000},
                                    [&](std::uint64_t i, const OperationDone& done) {
                                      EXPECT_EQ(i, begun++);
                                      done({OkStatus(), 10});
                                    });
  EXPECT_EQ(result.operations, 100u);
  EXPECT_EQ(result.bytes, 1000u);
}

TEST(LoadLoopTest, AnOpenLoopCountsTheWaitOfWhatCouldNotBeginInTime) {
  // One at once, each works for 2 ms, and all are due at the beginning.
  const LoadResult result = RunLoad({.at_once = 1, .seconds = 5e-5, .per_second = 1e5},
                                    [&](std::uint64_t, const OperationDone& done) {
                                      const Instant end = SystemClock().Now() + milliseconds(2);
                                      while (SystemClock().Now() < end) {
                                      }
                                      done({OkStatus()});
                                    });
  EXPECT_EQ(result.operations, 5u);
  EXPECT_GE(result.latency.max_ms(), 9.9);
}

TEST(LoadLoopTest, AnOpenLoopGivesUpWhatCouldNotBeginWithinItsPatience) {
  // The first works for 20 ms, and all are due at the beginning.
  std::uint64_t begun = 0;
  const LoadResult result = RunLoad(
      {.at_once = 1, .seconds = 5e-5, .per_second = 1e5, .begin = {}, .patience = milliseconds(10)},
      [&](std::uint64_t, const OperationDone& done) {
        ++begun;
        const Instant end = SystemClock().Now() + milliseconds(20);
        while (SystemClock().Now() < end) {
        }
        done({OkStatus()});
      });
  EXPECT_EQ(begun, 1u);
  EXPECT_EQ(result.operations, 1u);
  EXPECT_EQ(result.failures.at("DEADLINE_EXCEEDED"), 4u);
}

TEST(LoadLoopTest, FailuresAreCountedByCodeAndNotTimed) {
  const LoadResult result =
      RunLoad({.at_once = 1, .seconds = 0.01, .per_second = 1000},
              [&](std::uint64_t i, const OperationDone& done) {
                done({i % 2 == 0 ? OkStatus() : ResourceExhausted("too many"), 1});
              });
  EXPECT_EQ(result.operations, 5u);
  EXPECT_EQ(result.failed(), 5u);
  EXPECT_EQ(result.failures.at("RESOURCE_EXHAUSTED"), 5u);
  EXPECT_EQ(result.latency.count(), 5u);
}

TEST(LoadLoopTest, AResultComesBackFromItsText) {
  LoadResult result = RunLoad({.at_once = 2, .seconds = 0.01, .per_second = 1000},
                              [&](std::uint64_t i, const OperationDone& done) {
                                done({i == 3 ? NotFound("\"k\"") : OkStatus(), 7});
                              });
  result.cpu_seconds = 1.25;
  const auto back = DecodeLoadResult(EncodeLoadResult(result));
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(EncodeLoadResult(*back), EncodeLoadResult(result));
  EXPECT_EQ(back->first_failure, result.first_failure);
  EXPECT_FALSE(DecodeLoadResult("{}").ok());
  EXPECT_FALSE(DecodeLoadResult("x").ok());
}

}  // namespace
}  // namespace carillon
