#include "client/throttle.h"

#include <gtest/gtest.h>

namespace carillon {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class ThrottleTest : public testing::Test {
 protected:
  // 1,000 requests over a second, of which the other end takes every `every`th; how many are sent.
  int Ask(int every) {
    int sent = 0;
    for (int i = 0; i < 1000; ++i) {
      now_ += milliseconds(1);
      const double chance = static_cast<double>(i * 617 % 1000) / 1000;
      if (!throttle_.MaySend("a", chance, now_)) continue;
      ++sent;
      if (sent % every == 0) {
        throttle_.HandleTaken("a", now_);
      } else {
        throttle_.HandleRefused("a", now_);
      }
    }
    return sent;
  }

  Throttle throttle_;
  Instant now_{seconds(1000)};
};

TEST_F(ThrottleTest, HoldsNothingBackWhileAllIsTaken) {
  EXPECT_EQ(Ask(1), 1000);
}

TEST_F(ThrottleTest, HoldsMostBackWhenNothingIsTaken) {
  Ask(1'000'000);
  EXPECT_LT(Ask(1'000'000), 100);
}

TEST_F(ThrottleTest, SendsAllAgainSoonAfterAllIsTaken) {
  Ask(1'000'000);
  for (int i = 0; i < 12; ++i) Ask(1);
  EXPECT_EQ(Ask(1), 1000);
}

TEST_F(ThrottleTest, OthersAreNotHeldBack) {
  Ask(1'000'000);
  EXPECT_TRUE(throttle_.MaySend("b", 0, now_));
}

}  // namespace
}  // namespace carillon
