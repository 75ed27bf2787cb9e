#include "collector/copies/copy_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <utility>

namespace carillon {
namespace {

using std::chrono_literals::operator""min;
using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""s;
using testing::AllOf;
using testing::Each;
using testing::ElementsAre;
using testing::Ge;
using testing::Le;

constexpr CopyFile kIntake1{SpoolPart::kIntake, 1};
constexpr CopyFile kIntake2{SpoolPart::kIntake, 2};
constexpr CopyFile kOutbox1{SpoolPart::kOutbox, 1};
constexpr CopyStep kComplete{.kind = CopyStepKind::kComplete};

CopyStep Append(CopyFile file, std::uint64_t from, std::uint64_t to) {
  return {.kind = CopyStepKind::kAppend, .file = file, .from = from, .to = to};
}
CopyStep Remove(CopyFile file) {
  return {.kind = CopyStepKind::kRemove, .file = file};
}

class CopyPlanTest : public testing::Test {
 protected:
  explicit CopyPlanTest(CopyPlanLimits limits = {}) : plan(limits, 2, 100, now) {}

  CopyCall Next() {
    const auto call = plan.Next(now);
    EXPECT_TRUE(call.has_value());
    return call.value_or(CopyCall());
  }
  CopyCall Begin() {
    const CopyCall call = Next();
    EXPECT_EQ(call.kind, CopyAskKind::kBegin);
    plan.HandleBegun(OkStatus(), 7, 0, now);
    return call;
  }
  std::vector<CopyStep> Ship() {
    const CopyCall call = Next();
    EXPECT_EQ(call.kind, CopyAskKind::kShip);
    plan.HandleShipped(OkStatus(), now);
    plan.Tick(now);
    return call.steps;
  }
  void GetInStep() {
    Begin();
    Ship();
    EXPECT_EQ(plan.state(), CopyState::kInStep);
  }
  // Until it begins anew, at whom; all calls fail.
  CopyCall FailUntilBegin(const Status& status) {
    while (true) {
      now += 100ms;
      plan.Tick(now);
      const auto call = plan.Next(now);
      if (!call) continue;
      if (call->kind == CopyAskKind::kBegin) return *call;
      plan.HandleShipped(status, now);
    }
  }

  // How often each peer is asked to begin a copy, when it then answers all with `status`.
  std::vector<int> BeginsWithin(Duration time, const Status& status) {
    plan.HandleGrown(kIntake1, 10, now);
    std::vector<int> begins(2);
    for (const Instant began = now; now - began < time; now += 10ms) {
      const auto call = plan.Next(now);
      if (!call) continue;
      if (call->kind == CopyAskKind::kBegin) {
        ++begins[call->peer];
        plan.HandleBegun(OkStatus(), 7, 0, now);
      } else {
        plan.HandleShipped(status, now);
      }
    }
    return begins;
  }

  Instant now = Instant() + 1000s;
  CopyPlan plan;
};

TEST_F(CopyPlanTest, TheFilesGoFirstThenWhatCameMeanwhileInItsOrder) {
  plan.HandleGrown(kOutbox1, 50, now);
  plan.HandleGrown(kIntake1, 10, now);
  EXPECT_EQ(Begin().generation, 101u);
  plan.HandleGrown(kIntake1, 30, now);
  plan.HandleGrown(kOutbox1, 60, now);
  plan.HandleRemoved(kIntake1, now);
  EXPECT_THAT(Ship(),
              ElementsAre(Append(kIntake1, 0, 10), Append(kOutbox1, 0, 50), kComplete,
                          Append(kIntake1, 10, 30), Append(kOutbox1, 50, 60), Remove(kIntake1)));
  EXPECT_EQ(plan.copied(), plan.position());
  EXPECT_EQ(plan.waiting_bytes(), 0u);
}

TEST_F(CopyPlanTest, NothingIsCopiedBeforeTheCopyIsWhole) {
  plan.HandleGrown(kIntake1, 3 * kMaxCopyBytes, now);
  Begin();
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(plan.copied(), 0u);
    EXPECT_EQ(plan.released(), 0u);
    EXPECT_EQ(plan.state(), CopyState::kCopying);
    Ship();
  }
  EXPECT_THAT(Ship(), ElementsAre(kComplete));
  EXPECT_EQ(plan.released(), plan.position());
  EXPECT_EQ(plan.state(), CopyState::kInStep);
}

TEST_F(CopyPlanTest, WhatComesWhileACallIsUnderWayIsNotCopiedByIt) {
  GetInStep();
  plan.HandleGrown(kIntake1, 10, now);
  Next();
  plan.HandleGrown(kIntake1, 20, now);
  const std::uint64_t position = plan.position();
  plan.HandleShipped(OkStatus(), now);
  EXPECT_LT(plan.copied(), position);
  EXPECT_THAT(Ship(), ElementsAre(Append(kIntake1, 10, 20)));
  EXPECT_EQ(plan.copied(), position);
}

TEST_F(CopyPlanTest, ACallThatIsNotAnsweredComesAgainAsItWas) {
  GetInStep();
  plan.HandleGrown(kIntake1, 10, now);
  const CopyCall first = Next();
  plan.HandleGrown(kIntake1, 20, now);
  plan.HandleShipped(Unavailable("away"), now);
  EXPECT_FALSE(plan.Next(now).has_value());
  now += 50ms;
  const CopyCall second = Next();
  EXPECT_EQ(second.sequence, first.sequence);
  EXPECT_EQ(second.steps, first.steps);
  EXPECT_EQ(second.session, first.session);
}

TEST_F(CopyPlanTest, APeerThatStaysAwayIsGivenUpAndTheNextGetsACopy) {
  GetInStep();
  plan.HandleGrown(kIntake1, 10, now);
  const Instant began = now;
  const CopyCall begin = FailUntilBegin(Unavailable("away"));
  EXPECT_EQ(begin.peer, 1u);
  EXPECT_EQ(begin.generation, 102u);
  EXPECT_GE(now - began, CopyPlanLimits().give_up_after);
  EXPECT_LT(now - began, CopyPlanLimits().alone_after);
  plan.HandleBegun(OkStatus(), 8, 0, now);
  EXPECT_THAT(Ship(), ElementsAre(Append(kIntake1, 0, 10), kComplete));
  EXPECT_EQ(plan.state(), CopyState::kInStep);
}

TEST_F(CopyPlanTest, APeerThatHasForgottenTheSessionGetsANewCopyAtOnce) {
  GetInStep();
  const std::uint64_t copied = plan.copied();
  plan.HandleGrown(kIntake1, 10, now);
  const CopyCall begin = FailUntilBegin(FailedPrecondition("who?"));
  EXPECT_EQ(begin.peer, 0u);
  EXPECT_EQ(plan.state(), CopyState::kCopying);
  EXPECT_EQ(plan.copied(), copied);
}

TEST_F(CopyPlanTest, WhenNobodyHasACopyForAWhileNothingWaitsAnyMore) {
  GetInStep();
  plan.HandleGrown(kIntake1, 10, now);
  const std::uint64_t copied = plan.copied();
  const Instant since = now;
  while (now - since < CopyPlanLimits().alone_after) {
    plan.Tick(now);
    EXPECT_EQ(plan.released(), copied);
    if (const auto call = plan.Next(now)) {
      call->kind == CopyAskKind::kBegin ? plan.HandleBegun(Unavailable("away"), 0, 0, now)
                                        : plan.HandleShipped(Unavailable("away"), now);
    }
    now += 50ms;
  }
  plan.Tick(now);
  EXPECT_EQ(plan.state(), CopyState::kAlone);
  EXPECT_EQ(plan.released(), CopyPlan::kAll);
  EXPECT_EQ(plan.copied(), copied) << "and yet nothing is said to be copied";
  now += 2s;
  Begin();
  Ship();
  EXPECT_EQ(plan.state(), CopyState::kInStep);
  EXPECT_EQ(plan.released(), plan.position());
}

TEST_F(CopyPlanTest, ACopyThatIsSlowIsNone) {
  GetInStep();
  plan.HandleGrown(kIntake1, 10, now);
  Next();
  now += CopyPlanLimits().alone_after;
  plan.Tick(now);
  EXPECT_EQ(plan.state(), CopyState::kAlone);
  plan.HandleShipped(OkStatus(), now);
  plan.Tick(now);
  EXPECT_EQ(plan.state(), CopyState::kInStep);
}

TEST_F(CopyPlanTest, UnderASteadyLoadItStaysInStep) {
  GetInStep();
  for (int i = 1; i < 1000; ++i) {
    plan.HandleGrown(kIntake1, static_cast<std::uint64_t>(i) * 10, now);
    const auto call = plan.Next(now);
    plan.HandleGrown(kIntake1, static_cast<std::uint64_t>(i) * 10 + 5, now);
    now += 20ms;
    if (call) plan.HandleShipped(OkStatus(), now);
    plan.Tick(now);
    ASSERT_EQ(plan.state(), CopyState::kInStep);
  }
}

TEST_F(CopyPlanTest, WhenThereIsNothingToShipItAsksWhetherThePeerIsThere) {
  GetInStep();
  EXPECT_FALSE(plan.Next(now).has_value());
  EXPECT_EQ(plan.Deadline(), now + CopyPlanLimits().ping_every);
  now += CopyPlanLimits().ping_every;
  EXPECT_THAT(Ship(), ElementsAre());
  EXPECT_EQ(plan.copied(), plan.position());
}

TEST_F(CopyPlanTest, PeersThatNeverTakeTheWholeAreAskedEverMoreSeldom) {
  const std::vector<int> begins = BeginsWithin(10min, ResourceExhausted("full"));
  EXPECT_THAT(begins, Each(AllOf(Ge(40), Le(60))));  // 50 ms, doubling up to 15 s
}

TEST_F(CopyPlanTest, PeersThatAreAwayAreAskedEverySecond) {
  const std::vector<int> begins = BeginsWithin(1min, Unavailable("away"));
  EXPECT_THAT(begins[0] + begins[1], AllOf(Ge(30), Le(140)));
}

TEST_F(CopyPlanTest, AfterAPeerThatIsFullTheNextIsAskedAtOnce) {
  plan.HandleGrown(kIntake1, 10, now);
  for (int i = 0; i < 5; ++i) {
    Begin();
    EXPECT_EQ(plan.peer(), 0u);
    EXPECT_EQ(Next().kind, CopyAskKind::kShip);
    plan.HandleShipped(ResourceExhausted("full"), now);
    const CopyCall other = Next();
    EXPECT_EQ(other.peer, 1u);
    plan.HandleBegun(Unavailable("away"), 0, 0, now);
    now += 20s;
  }
}

TEST_F(CopyPlanTest, APeerThatIsFullDoesNotHideOneThatIsAway) {
  Instant asked = now;
  Duration longest{0};
  for (const Instant end = now + 5min; now < end; now += 100ms) {
    while (const auto call = plan.Next(now)) {
      const bool full = call->peer == 0;
      if (!full) longest = std::max(longest, now - std::exchange(asked, now));
      plan.HandleBegun(full ? ResourceExhausted("full") : Unavailable("away"), 0, 0, now);
    }
  }
  EXPECT_LE(longest, 2s);  // it may be back
}

TEST_F(CopyPlanTest, APeerThatOnceHadAWholeCopyIsAskedSoonAgain) {
  (void)BeginsWithin(1min, ResourceExhausted("full"));
  now += 20s;
  GetInStep();
  const std::size_t peer = plan.peer();
  plan.HandleGrown(kIntake1, 20, now);
  Next();
  plan.HandleShipped(FailedPrecondition("who?"), now);
  now += CopyPlanLimits().first_rest;
  const CopyCall again = Next();
  EXPECT_EQ(again.kind, CopyAskKind::kBegin);
  EXPECT_EQ(again.peer, peer);
}

TEST_F(CopyPlanTest, AGenerationIsGreaterThanAnyThatIsThere) {
  Next();
  plan.HandleBegun(AlreadyExists("newer"), 0, 500, now);
  EXPECT_EQ(Begin().generation, 501u);
}

TEST_F(CopyPlanTest, OthersForgetWhatIsOlderThanTheWholeCopy) {
  Begin();
  EXPECT_FALSE(plan.ToForget().has_value());
  Ship();
  EXPECT_EQ(plan.ToForget(), 1u);
  plan.HandleForgot(1, plan.generation());
  EXPECT_FALSE(plan.ToForget().has_value());
}

TEST_F(CopyPlanTest, AFileThatIsGoneBeforeACopyBeginsIsNotInIt) {
  plan.HandleGrown(kIntake1, 10, now);
  plan.HandleGrown(kIntake2, 10, now);
  plan.HandleRemoved(kIntake1, now);
  Begin();
  EXPECT_THAT(Ship(), ElementsAre(Append(kIntake2, 0, 10), kComplete));
}

class ShortCopyPlanTest : public CopyPlanTest {
 protected:
  ShortCopyPlanTest() : CopyPlanTest({.max_steps = 10}) {}
};

TEST_F(ShortCopyPlanTest, WhenTooMuchWaitsItBeginsAnew) {
  GetInStep();
  for (std::uint64_t i = 1; i <= 11; ++i) plan.HandleGrown({SpoolPart::kIntake, i}, 5, now);
  const CopyCall begin = Next();
  EXPECT_EQ(begin.kind, CopyAskKind::kBegin);
  EXPECT_EQ(begin.peer, 0u);
}

}  // namespace
}  // namespace carillon
