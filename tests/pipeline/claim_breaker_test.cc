#include "collector/pipeline/claim_breaker.h"

#include <gtest/gtest.h>

namespace carillon {
namespace {

using std::chrono_literals::operator""s;

class ClaimBreakerTest : public ::testing::Test {
 protected:
  void Fail(int times) {
    for (int i = 0; i < times; ++i) breaker_.HandleFailure(now_);
  }

  Instant now_ = Instant() + 1000s;
  ClaimBreaker breaker_{{.failures = 3, .rest = 5s, .max_rest = 15s}};
};

TEST_F(ClaimBreakerTest, StaysClosedWhileFailuresAreNotInARow) {
  for (int i = 0; i < 10; ++i) {
    Fail(2);
    breaker_.HandleSuccess();
  }
  EXPECT_TRUE(breaker_.Admit(now_));
  EXPECT_TRUE(breaker_.is_fresh());
}

TEST_F(ClaimBreakerTest, OpensAfterSoManyFailuresInARow) {
  Fail(2);
  EXPECT_TRUE(breaker_.Admit(now_));
  Fail(1);
  EXPECT_FALSE(breaker_.Admit(now_));
  EXPECT_FALSE(breaker_.Admit(now_ + 4s));
}

TEST_F(ClaimBreakerTest, LetsOneTryAfterARest) {
  Fail(3);
  now_ += 5s;
  EXPECT_TRUE(breaker_.Admit(now_));
  EXPECT_FALSE(breaker_.Admit(now_));
  breaker_.HandleSuccess();
  EXPECT_TRUE(breaker_.Admit(now_));
  EXPECT_TRUE(breaker_.Admit(now_));
}

TEST_F(ClaimBreakerTest, RestsLongerAfterEachTryThatFails) {
  Fail(3);
  for (const Duration rest : {5s, 10s, 15s, 15s}) {
    EXPECT_FALSE(breaker_.Admit(now_ + rest - 1s));
    now_ += rest;
    ASSERT_TRUE(breaker_.Admit(now_));
    Fail(1);
  }
}

TEST_F(ClaimBreakerTest, LateFailuresDoNotProlongItsRest) {
  Fail(3);
  now_ += 4s;
  Fail(10);
  EXPECT_TRUE(breaker_.Admit(now_ + 1s));
}

TEST_F(ClaimBreakerTest, OneThatNeededNoAnswerLeavesTheTryToAnother) {
  Fail(3);
  now_ += 5s;
  EXPECT_TRUE(breaker_.Admit(now_));
  breaker_.HandleNothing();
  EXPECT_TRUE(breaker_.Admit(now_));
  EXPECT_TRUE(breaker_.is_open());
}

}  // namespace
}  // namespace carillon
