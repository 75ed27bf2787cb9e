#include "base/retry_hint.h"

#include <gtest/gtest.h>

namespace carillon {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

TEST(RetryHintTest, ComesBackFromTheMessageAlsoWithMoreContextBeforeIt) {
  const Status status = WithRetryHint(ResourceExhausted("full"), microseconds(1500));
  EXPECT_EQ(Message(status), "full: try again in 2 ms");
  EXPECT_EQ(status.code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(RetryHintOf(Annotate(status, "node1")), milliseconds(2));
}

TEST(RetryHintTest, IsWithinItsLimits) {
  const Status status = ResourceExhausted("full");
  EXPECT_EQ(RetryHintOf(WithRetryHint(status, Duration(-5))), milliseconds(1));
  EXPECT_EQ(RetryHintOf(WithRetryHint(status, std::chrono::hours(9))), kMaxRetryHint);
}

TEST(RetryHintTest, NonsenseIsNoHint) {
  for (const char* text : {"", "full", " ms", "try again in  ms", "try again in -1 ms",
                           "try again in 0 ms", "try again in 5x ms", "try again in 60001 ms",
                           "try again in 99999999999999999999 ms", "try again in 5 ms later"}) {
    EXPECT_EQ(RetryHintOf(ResourceExhausted("{}", text)), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace carillon
