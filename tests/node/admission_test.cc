#include "server/node/admission.h"

#include <gtest/gtest.h>

#include "base/retry_hint.h"

namespace carillon {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class AdmissionTest : public testing::Test {
 protected:
  // Takes and ends `count` requests a tenth of a second, for `tenths`.
  void Work(int tenths, int count) {
    for (int i = 0; i < tenths; ++i) {
      now_ += milliseconds(100);
      for (int n = 0; n < count; ++n) {
        ASSERT_TRUE(admission_.Take(1, now_).ok());
        admission_.End(1, /*done=*/true, now_);
      }
    }
  }
  // How many more are taken now.
  int TakeAll() {
    int taken = 0;
    while (admission_.Take(1, now_).ok()) ++taken;
    return taken;
  }

  Admission admission_{{.queue_time = seconds(1), .free_requests = 10, .free_bytes = 100}};
  Instant now_{seconds(1000)};
};

TEST_F(AdmissionTest, TakesALittleBeforeAnythingIsKnown) {
  EXPECT_EQ(TakeAll(), 10);
  EXPECT_EQ(admission_.requests(), 10u);
}

TEST_F(AdmissionTest, TakesWhatIsDoneInASecond) {
  Work(100, 5);
  EXPECT_NEAR(TakeAll(), 50, 2);
}

TEST_F(AdmissionTest, ForgetsTheRateWhenNothingIsDoneAnyMore) {
  Work(100, 5);
  now_ += seconds(30);
  EXPECT_EQ(TakeAll(), 10);
}

TEST_F(AdmissionTest, OneOfAnySizeMayBeAlone) {
  EXPECT_TRUE(admission_.Take(1000, now_).ok());
  EXPECT_FALSE(admission_.Take(1, now_).ok());
}

TEST_F(AdmissionTest, WhatWasOnlyRefusedIsNoWorkDone) {
  for (int i = 0; i < 100; ++i) {
    now_ += milliseconds(100);
    for (int n = 0; n < 5; ++n) {
      ASSERT_TRUE(admission_.Take(1, now_).ok());
      admission_.End(1, /*done=*/false, now_);
    }
  }
  EXPECT_EQ(TakeAll(), 10);
}

TEST_F(AdmissionTest, ARefusalSaysWhenHalfOfItWillBeDone) {
  Work(100, 5);
  TakeAll();
  const Status refused = admission_.Take(1, now_);
  EXPECT_EQ(refused.code(), StatusCode::kResourceExhausted);
  const auto hint = RetryHintOf(refused);
  ASSERT_TRUE(hint.has_value());
  EXPECT_GE(*hint, milliseconds(450));
  EXPECT_LE(*hint, milliseconds(550));
}

}  // namespace
}  // namespace carillon
