#include "client/retry.h"

#include <gtest/gtest.h>

#include "base/retry_hint.h"
#include "client/client.h"

namespace carillon {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const RetryPolicy kPolicy{
    .max_attempts = 6, .first_delay = milliseconds(100), .max_delay = milliseconds(500)};

TEST(RetryTest, RetriesWhatMayPassAndNothingElse) {
  EXPECT_TRUE(IsRetryable(Unavailable("x")));
  EXPECT_TRUE(IsRetryable(ResourceExhausted("x")));
  EXPECT_TRUE(IsRetryable(Aborted("x")));
  EXPECT_TRUE(IsRetryable(DeadlineExceeded("x")));
  EXPECT_FALSE(IsRetryable(OkStatus()));
  EXPECT_FALSE(IsRetryable(InvalidArgument("x")));
  EXPECT_FALSE(IsRetryable(NotFound("x")));
  EXPECT_FALSE(IsRetryable(AlreadyExists("x")));
  EXPECT_FALSE(IsRetryable(DataLoss("x")));
  EXPECT_FALSE(IsRetryable(Internal("x")));
  EXPECT_FALSE(IsRetryable(FailedPrecondition("x")));
}

TEST(BackoffTest, DoublesItsDelayUpToTheLargestWithHalfOfItByChance) {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    Backoff backoff(kPolicy, seed);
    for (const int want_ms : {100, 200, 400, 500, 500}) {
      const auto delay = backoff.Next(Unavailable("x"), seconds(60));
      ASSERT_TRUE(delay.has_value());
      EXPECT_GE(*delay, milliseconds(want_ms) / 2);
      EXPECT_LE(*delay, milliseconds(want_ms));
    }
  }
}

TEST(BackoffTest, WaitsAsLongAsTheAnswerSays) {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    Backoff backoff(kPolicy, seed);
    const auto delay =
        backoff.Next(WithRetryHint(ResourceExhausted("x"), milliseconds(700)), seconds(60));
    ASSERT_TRUE(delay.has_value());
    EXPECT_GE(*delay, milliseconds(700));
    EXPECT_LE(*delay, milliseconds(1050));
  }
}

TEST(BackoffTest, GivesUpAfterTheLastAttempt) {
  Backoff backoff(kPolicy, 1);
  for (int i = 1; i < kPolicy.max_attempts; ++i) {
    EXPECT_TRUE(backoff.Next(Unavailable("x"), seconds(60)).has_value());
  }
  EXPECT_FALSE(backoff.Next(Unavailable("x"), seconds(60)).has_value());
  EXPECT_EQ(backoff.attempts(), 6);
}

TEST(BackoffTest, LetsAnAnswerStand) {
  Backoff backoff(kPolicy, 1);
  EXPECT_FALSE(backoff.Next(NotFound("x"), seconds(60)).has_value());
}

TEST(BackoffTest, DoesNotWaitPastTheDeadline) {
  Backoff backoff(kPolicy, 1);
  EXPECT_FALSE(backoff.Next(Unavailable("x"), milliseconds(50)).has_value());
  EXPECT_FALSE(backoff.Next(Unavailable("x"), milliseconds(-5)).has_value());
}

TEST(ParseEndpointsTest, TakesHostsAndPortsInTheirOrder) {
  const auto endpoints = ParseEndpoints("127.0.0.1:7480,node-2.example:1,[::1]:65535");
  ASSERT_TRUE(endpoints.ok());
  EXPECT_EQ(*endpoints,
            (std::vector<std::string>{"127.0.0.1:7480", "node-2.example:1", "[::1]:65535"}));
}

TEST(ParseEndpointsTest, RefusesWhatIsNotHostAndPort) {
  for (const char* text : {"", ",", "host", "host:", ":80", "host:0", "host:65536", "host:8a",
                           "host:80,", "ho st:80", "http://host:80"}) {
    EXPECT_EQ(ParseEndpoints(text).status().code(), StatusCode::kInvalidArgument) << text;
  }
}

}  // namespace
}  // namespace carillon
