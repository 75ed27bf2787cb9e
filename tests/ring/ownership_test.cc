#include "ring/ownership.h"

#include <gtest/gtest.h>

#include "tests/ring/ring_builder.h"

namespace carillon {
namespace {

std::vector<PartitionId> Partitions(std::initializer_list<std::uint16_t> numbers) {
  std::vector<PartitionId> ids;
  for (const std::uint16_t number : numbers) ids.emplace_back(number);
  return ids;
}

// Four normal members; partition 0 shall go from {0, 1, 2} to {0, 1, 3}.
class OwnershipTest : public testing::Test {
 protected:
  OwnershipTest() : state_(RingOf(4)) {
    for (PartitionHomes& partition : state_.placement) partition.homes = {0, 1, 2};
    state_.placement[0].target = {0, 1, 3};
  }

  PartitionHomes& partition() { return state_.placement[0]; }

  void Step() {
    const auto next = NextStep(state_, 4);
    ASSERT_TRUE(next.has_value());
    ASSERT_EQ(ToString(ValidateStep(state_, *next)), "OK");
    state_ = *next;
  }

  void Ready(std::uint8_t number, Phase phase) {
    const auto next = WithReady(state_, TestNode(number), Partitions({0}), phase);
    ASSERT_TRUE(next.ok()) << ToString(next.status());
    ASSERT_EQ(ToString(ValidateStep(state_, *next)), "OK");
    state_ = *next;
  }

  StatusCode ReadyCode(std::uint8_t number, Phase phase) {
    return WithReady(state_, TestNode(number), Partitions({0, 1, 999}), phase).status().code();
  }

  ClusterState state_;
};

TEST_F(OwnershipTest, GoesThroughItsPhasesWhenTheNewHomeIsReadyTwice) {
  Step();
  EXPECT_EQ(partition().phase, Phase::kDual);
  EXPECT_EQ(partition().next, (HomeList{0, 1, 3}));
  EXPECT_TRUE(partition().target.empty());
  EXPECT_EQ(partition().changed, state_.version);
  EXPECT_FALSE(NextStep(state_, 4).has_value());
  Ready(40, Phase::kDual);
  Step();
  EXPECT_EQ(partition().phase, Phase::kReadNew);
  EXPECT_TRUE(partition().ready.empty());
  EXPECT_FALSE(NextStep(state_, 4).has_value());
  Ready(40, Phase::kReadNew);
  Step();
  EXPECT_EQ(partition().phase, Phase::kStable);
  EXPECT_EQ(partition().homes, (HomeList{0, 1, 3}));
  EXPECT_TRUE(partition().next.empty());
  EXPECT_FALSE(NextStep(state_, 4).has_value());
}

TEST_F(OwnershipTest, AnotherOrderNeedsNobodyToBeReady) {
  partition().target = {2, 1, 0};
  Step();
  Step();
  Step();
  EXPECT_EQ(partition().homes, (HomeList{2, 1, 0}));
  EXPECT_FALSE(state_.IsMoving());
}

TEST_F(OwnershipTest, AnotherOrderWaitsForWhoBecomesTheOnlyHomeOfABucket) {
  state_.buckets["one"] = {.n_val = 1};
  partition().target = {2, 1, 0};
  Step();
  EXPECT_FALSE(NextStep(state_, 4).has_value());
  Ready(30, Phase::kDual);
  Step();
  EXPECT_FALSE(NextStep(state_, 4).has_value());
  Ready(30, Phase::kReadNew);
  Step();
  EXPECT_EQ(partition().homes, (HomeList{2, 1, 0}));
}

TEST_F(OwnershipTest, FewerHomesWaitUntilThoseThatStayHaveWhatTheOthersHad) {
  partition().target = {1, 2};
  Step();
  EXPECT_FALSE(NextStep(state_, 4).has_value());
  Ready(20, Phase::kDual);
  EXPECT_FALSE(NextStep(state_, 4).has_value());
  Ready(30, Phase::kDual);
  EXPECT_TRUE(NextStep(state_, 4).has_value());
}

TEST_F(OwnershipTest, ATargetThatIsThereAlreadyIsOnlyDropped) {
  partition().target = partition().homes;
  Step();
  EXPECT_EQ(partition().phase, Phase::kStable);
  EXPECT_TRUE(partition().target.empty());
  EXPECT_NE(partition().changed, state_.version);
}

TEST_F(OwnershipTest, StartsNoMoreThanItMay) {
  for (PartitionHomes& each : state_.placement) each.target = {3, 1, 2};
  state_ = *NextStep(state_, 3);
  const auto moving = std::count_if(state_.placement.begin(), state_.placement.end(),
                                    [](const PartitionHomes& each) { return !each.next.empty(); });
  EXPECT_EQ(moving, 3);
  EXPECT_FALSE(NextStep(state_, 3).has_value());
  EXPECT_TRUE(NextStep(state_, 4).has_value());
  EXPECT_FALSE(NextStep(state_, 0).has_value());
}

TEST_F(OwnershipTest, StartsTheNextInTheVersionInWhichOneIsDone) {
  state_.placement[5].target = {3, 1, 2};
  state_ = *NextStep(state_, 1);
  state_ = *NextStep(AllReady(state_), 1);
  state_ = *NextStep(AllReady(state_), 1);
  EXPECT_EQ(state_.placement[0].phase, Phase::kStable);
  EXPECT_EQ(state_.placement[5].phase, Phase::kDual);
}

TEST_F(OwnershipTest, PausedStartsNothingAndFinishesWhatHasBegun) {
  Step();
  state_.placement[5].target = {3, 1, 2};
  state_.paused = true;
  EXPECT_FALSE(NextStep(state_, 4).has_value());
  Ready(40, Phase::kDual);
  Step();
  EXPECT_EQ(partition().phase, Phase::kReadNew);
  EXPECT_EQ(state_.placement[5].phase, Phase::kStable);
}

TEST_F(OwnershipTest, ALeavingMemberIsForgottenOnceNoListNamesIt) {
  state_.members[2].role = MemberRole::kLeaving;
  for (std::size_t p = 1; p < 8; ++p) state_.placement[p].homes = {0, 1, 3};
  Step();
  Ready(40, Phase::kDual);
  Step();
  EXPECT_EQ(state_.members.size(), 4u);
  Ready(40, Phase::kReadNew);
  Step();
  EXPECT_EQ(state_.FindMember(TestNode(30)), nullptr);
  for (const PartitionHomes& each : state_.placement) {
    EXPECT_EQ(NamesOf(state_, each.homes), "n10 n20 n40");
  }
}

TEST_F(OwnershipTest, OnlyANextHomeInThatPhaseCanBeReady) {
  EXPECT_EQ(ReadyCode(40, Phase::kDual), StatusCode::kFailedPrecondition);
  Step();
  EXPECT_EQ(ReadyCode(40, Phase::kReadNew), StatusCode::kFailedPrecondition);
  EXPECT_EQ(ReadyCode(30, Phase::kDual), StatusCode::kFailedPrecondition);
  EXPECT_EQ(ReadyCode(77, Phase::kDual), StatusCode::kNotFound);
  EXPECT_EQ(ReadyCode(40, Phase::kStable), StatusCode::kInvalidArgument);
  EXPECT_EQ(ReadyCode(40, Phase::kDual), StatusCode::kOk);
}

TEST_F(OwnershipTest, SayingReadyAgainChangesNothing) {
  Step();
  Ready(40, Phase::kDual);
  EXPECT_EQ(ReadyCode(40, Phase::kDual), StatusCode::kFailedPrecondition);
}

TEST_F(OwnershipTest, APartitionNamedTwiceIsReadyOnce) {
  Step();
  const auto next = WithReady(state_, TestNode(40), Partitions({0, 0}), Phase::kDual);
  ASSERT_TRUE(next.ok());
  EXPECT_EQ(next->placement[0].ready, HomeList{3});
}

}  // namespace
}  // namespace carillon
