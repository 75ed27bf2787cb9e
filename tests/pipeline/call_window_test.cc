#include "collector/pipeline/call_window.h"

#include <gtest/gtest.h>

namespace carillon {
namespace {

using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""s;

class CallWindowTest : public ::testing::Test {
 protected:
  // So many calls at once as it allows, each of which takes so long.
  void Round(Duration took, bool ok = true) {
    const std::size_t calls = window_.size();
    const Instant started = now_;
    now_ += took;
    for (std::size_t i = 0; i < calls; ++i) window_.HandleEnd(ok, true, started, now_);
  }

  Instant now_ = Instant() + 1000s;
  CallWindow window_{{.first = 4, .min = 1, .max = 32, .quick = 250ms}};
};

TEST_F(CallWindowTest, DoublesWhileAnswersAreQuickUpToItsMost) {
  EXPECT_EQ(window_.size(), 4u);
  Round(50ms);
  EXPECT_EQ(window_.size(), 8u);
  for (int i = 0; i < 5; ++i) Round(250ms);
  EXPECT_EQ(window_.size(), 32u);
}

TEST_F(CallWindowTest, HalvesOnceForAllThatWereSlowTogether) {
  Round(50ms);
  Round(251ms);
  EXPECT_EQ(window_.size(), 4u);
}

TEST_F(CallWindowTest, GrowsByOneARoundAfterASlowAnswer) {
  Round(251ms);
  EXPECT_EQ(window_.size(), 2u);
  Round(50ms);
  Round(50ms);
  EXPECT_GE(window_.size(), 3u);
  EXPECT_LE(window_.size(), 4u);
}

TEST_F(CallWindowTest, NeverFallsBelowItsLeastHoweverManyFail) {
  for (int i = 0; i < 10; ++i) Round(1ms, /*ok=*/false);
  EXPECT_EQ(window_.size(), 1u);
}

TEST_F(CallWindowTest, LearnsNothingFromQuickAnswersToFewCalls) {
  for (int i = 0; i < 100; ++i) window_.HandleEnd(true, /*all_used=*/false, now_, now_ + 1ms);
  EXPECT_EQ(window_.size(), 4u);
}

}  // namespace
}  // namespace carillon
