#include "ring/change_plan.h"

#include <gtest/gtest.h>

#include "ring/bucket_change.h"
#include "tests/ring/ring_builder.h"

namespace carillon {
namespace {

using Kind = StagedChange::Kind;

template <typename T>
std::string Failure(const StatusOr<T>& result) {
  return ToString(result.status());
}

ClusterState Staged(const ClusterState& state, const StagedChange& change) {
  return *WithStaged(state, change);
}

bool AnyContains(const std::vector<std::string>& texts, std::string_view part) {
  return std::any_of(texts.begin(), texts.end(),
                     [&](const std::string& text) { return text.find(part) != std::string::npos; });
}

std::vector<NodeId> AllBut(const ClusterState& state, std::uint8_t dead) {
  std::vector<NodeId> alive;
  for (const Member& member : state.members) {
    if (member.node != TestNode(dead)) alive.push_back(member.node);
  }
  return alive;
}

TEST(ChangePlanTest, AJoinMovesPartitionsToTheNewMemberOnly) {
  const ClusterState state = *WithJoining(RingOf(4, 6), TestMember(25));
  const auto plan = MakePlan(state, {.partition_bytes = std::vector<std::uint64_t>(64, 100),
                                     .sync_bytes_per_second = 1000});
  ASSERT_TRUE(plan.ok()) << Failure(plan);
  EXPECT_EQ(plan->copies.moved, plan->copies.least);
  for (const PlannedMove& move : plan->moves) {
    if (!move.gains.empty()) {
      EXPECT_EQ(NamesOf(state, move.gains), "n25");
    }
  }
  const PlannedMember& joined = plan->members[2];
  EXPECT_EQ(joined.copies_after, plan->copies.moved);
  EXPECT_GE(joined.copies_after, 64u * 3 / 5);
  EXPECT_EQ(joined.bytes_gained, 100 * joined.copies_after);
  EXPECT_EQ(joined.peak_bytes, joined.bytes_gained);
  EXPECT_EQ(plan->bytes_moved, joined.bytes_gained);
  EXPECT_EQ(plan->bytes_least, plan->bytes_moved);
  EXPECT_EQ(plan->seconds, (joined.bytes_gained + 999) / 1000);
}

TEST(ChangePlanTest, AReplacementTakesThePlaceOfTheReplaced) {
  ClusterState state = *WithJoining(RingOf(5, 4), TestMember(25));
  state = Staged(state, {.kind = Kind::kReplace, .node = TestNode(20), .other = TestNode(25)});
  const auto plan = MakePlan(state, {});
  ASSERT_TRUE(plan.ok()) << Failure(plan);
  for (const PlannedMove& move : plan->moves) {
    EXPECT_EQ(NamesOf(state, move.gains), "n25");
    EXPECT_EQ(NamesOf(state, move.loses), "n20");
  }
  EXPECT_EQ(plan->members[2].copies_after, plan->members[1].copies_before);
  EXPECT_EQ(plan->members[2].primaries_after, plan->members[1].primaries_before);
}

TEST(ChangePlanTest, ALeaveMovesOnlyWhatTheLeavingMemberHas) {
  const ClusterState state = Staged(RingOf(6, 5), {.kind = Kind::kLeave, .node = TestNode(30)});
  const auto plan = MakePlan(state, {});
  ASSERT_TRUE(plan.ok()) << Failure(plan);
  EXPECT_EQ(plan->copies.moved, plan->members[2].copies_before);
  EXPECT_EQ(plan->members[2].copies_after, 0u);
}

TEST(ChangePlanTest, SplittingMovesNextToNothing) {
  const ClusterState state = Staged(RingOf(3, 3), {.kind = Kind::kSplit});
  const auto plan = MakePlan(state, {.partition_bytes = std::vector<std::uint64_t>(8, 101)});
  ASSERT_TRUE(plan.ok()) << Failure(plan);
  EXPECT_EQ(plan->targets.size(), 16u);
  EXPECT_EQ(plan->copies.moved, 0u);
}

TEST(ChangePlanTest, IsRefusedWhenNothingIsStagedOrPartitionsMove) {
  EXPECT_EQ(Failure(MakePlan(RingOf(2), {})), "FAILED_PRECONDITION: nothing is staged");
  const ClusterState moving =
      Staged(Committed(*WithJoining(RingOf(2), TestMember(30))), {.kind = Kind::kRebalance});
  EXPECT_EQ(Failure(MakePlan(moving, {})), "FAILED_PRECONDITION: partitions still move");
  EXPECT_EQ(MakePlan(Staged(RingOf(2), {.kind = Kind::kRebalance}), {.partition_bytes = {1}})
                .status()
                .code(),
            StatusCode::kInvalidArgument);
}

TEST(ChangePlanTest, IsRefusedWhenNobodyCouldOwnAnything) {
  const ClusterState state =
      Staged(RingOf(1), {.kind = Kind::kWeight, .node = TestNode(10), .weight = 0});
  EXPECT_EQ(Failure(MakePlan(state, {})),
            "FAILED_PRECONDITION: no normal member has a weight above 0");
}

TEST(ChangePlanTest, IsRefusedWhenADiskWouldOverfill) {
  const ClusterState state = *WithJoining(RingOf(3), TestMember(40));
  PlanFacts facts{.partition_bytes = std::vector<std::uint64_t>(8, 100),
                  .free_bytes = {{TestNode(40), 599}}};
  EXPECT_EQ(Failure(MakePlan(state, facts)),
            "FAILED_PRECONDITION: n40 would need 600 more bytes and has 599 free");
  facts.free_bytes[TestNode(40)] = 600;
  EXPECT_TRUE(MakePlan(state, facts).ok());
}

TEST(ChangePlanTest, SaysWhatItDoesNotKnowOfBytesAndRoom) {
  const ClusterState state = *WithJoining(RingOf(3), TestMember(40));
  PlanFacts facts{.partition_bytes = std::vector<std::uint64_t>(8, 100),
                  .partitions_unknown = {PartitionId(3)},
                  .free_bytes = {{TestNode(10), 5}}};
  const auto plan = MakePlan(state, facts);
  ASSERT_TRUE(plan.ok()) << Failure(plan);
  EXPECT_TRUE(plan->bytes_known);
  EXPECT_EQ(plan->members[0].free_bytes, 5u);
  EXPECT_FALSE(plan->members[3].free_bytes);
  EXPECT_TRUE(AnyContains(plan->risks, "no home of 1 partitions says how many bytes"));
  EXPECT_TRUE(AnyContains(plan->risks, "n40 does not say how much room it has"));
  EXPECT_FALSE(MakePlan(state, {})->bytes_known);
}

TEST(ChangePlanTest, ADeadMemberIsRemovedWhenEnoughOthersHaveWhatItHad) {
  const ClusterState state = Staged(RingOf(4), {.kind = Kind::kRemove, .node = TestNode(20)});
  const auto plan = MakePlan(state, {.alive = AllBut(state, 20)});
  ASSERT_TRUE(plan.ok()) << Failure(plan);
  EXPECT_TRUE(AnyContains(plan->risks, "n20 cannot be copied from: 6 partitions"));
}

TEST(ChangePlanTest, IsRefusedWhenTooFewCopiesCanBeReached) {
  const ClusterState state = Staged(RingOf(5), {.kind = Kind::kRemove, .node = TestNode(20)});
  PlanFacts facts{.alive = AllBut(state, 30)};  // 20 is removed, 30 is dead
  const auto plan = MakePlan(state, facts);
  EXPECT_EQ(plan.status().code(), StatusCode::kFailedPrecondition);
  EXPECT_NE(Failure(plan).find("1 of the 3 copies of partition"), std::string::npos)
      << Failure(plan);
  facts.accept_loss = true;
  const auto accepted = MakePlan(state, facts);
  ASSERT_TRUE(accepted.ok()) << Failure(accepted);
  EXPECT_TRUE(AnyContains(accepted->risks, "data may be lost: bucket events"));
}

TEST(ChangePlanTest, CountsTheCopiesOfEachBucketByItsOwnReplicas) {
  ClusterState state = *WithNewBucket(RingOf(4), "single", {.n_val = 1});
  state = Staged(state, {.kind = Kind::kRemove, .node = TestNode(20)});
  const auto plan = MakePlan(state, {.alive = AllBut(state, 20)});
  EXPECT_NE(Failure(plan).find("bucket single: 0 of the 1 copies"), std::string::npos)
      << Failure(plan);
}

TEST(ChangePlanTest, SaysWhatIsDegradedAndWhoIsWaitedFor) {
  const ClusterState state = *WithJoining(RingOf(1), TestMember(20));
  const auto plan = MakePlan(state, {.alive = AllBut(state, 20)});
  ASSERT_TRUE(plan.ok()) << Failure(plan);
  EXPECT_TRUE(AnyContains(plan->risks, "no more than 2 of 3 copies"));
  EXPECT_TRUE(AnyContains(plan->risks, "all members are on one rack"));
  EXPECT_TRUE(AnyContains(plan->risks, "n20 is not alive: the 8 partitions"));
  EXPECT_TRUE(AnyContains(plan->risks, "disks were not checked"));
}

TEST(ChangePlanTest, OnlyThePlanThatWasSavedIsCommitted) {
  const ClusterState state = *WithJoining(RingOf(2), TestMember(30));
  const auto none = WithPlanCommitted(state, TestUuid(99));
  EXPECT_EQ(none.status().code(), StatusCode::kAborted);
  const ClusterState saved = Planned(state);
  EXPECT_TRUE(ValidateStep(state, saved).ok());
  const auto other = WithPlanCommitted(saved, TestUuid(98));
  EXPECT_EQ(other.status().code(), StatusCode::kAborted);
  EXPECT_NE(Failure(other).find(ToString(TestUuid(98))), std::string::npos);
  EXPECT_NE(Failure(other).find(ToString(TestUuid(99))), std::string::npos);
  EXPECT_TRUE(WithPlanCommitted(saved, TestUuid(99)).ok());
}

TEST(ChangePlanTest, APlanOfAnotherVersionIsNotSavedAndOneForOtherBucketsNotCommitted) {
  const ClusterState state = *WithJoining(RingOf(4), TestMember(50));
  const auto plan = MakePlan(state, {});
  ASSERT_TRUE(plan.ok());
  const auto moved_on = WithPaused(state, true);
  EXPECT_EQ(WithPlanSaved(*moved_on, *plan, TestUuid(9)).status().code(), StatusCode::kAborted);
  EXPECT_EQ(WithPlanSaved(state, *plan, {}).status().code(), StatusCode::kInvalidArgument);
  const ClusterState wider = *WithBucketChanged(Planned(state), "events", {.n_val = 5});
  EXPECT_EQ(WithPlanCommitted(wider, TestUuid(99)).status().code(), StatusCode::kAborted);
}

TEST(ChangePlanTest, ACommitSetsRolesAndTargetsAndMovesNothing) {
  ClusterState state = *WithJoining(RingOf(3), TestMember(40));
  state = Staged(state, {.kind = Kind::kLeave, .node = TestNode(20)});
  state = Staged(state, {.kind = Kind::kWeight, .node = TestNode(10), .weight = 50});
  state = Staged(state, {.kind = Kind::kRack, .node = TestNode(30), .rack = "r7"});
  const ClusterState saved = Planned(state);
  const ClusterState next = Committed(state);
  EXPECT_TRUE(ValidateStep(saved, next).ok());
  EXPECT_EQ(next.FindMember(TestNode(40))->role, MemberRole::kNormal);
  EXPECT_EQ(next.FindMember(TestNode(20))->role, MemberRole::kLeaving);
  EXPECT_EQ(next.FindMember(TestNode(10))->weight, 50u);
  EXPECT_EQ(next.FindMember(TestNode(30))->rack, "r7");
  EXPECT_TRUE(next.staged.empty());
  EXPECT_FALSE(next.plan.has_value());
  for (std::size_t p = 0; p < next.partitions(); ++p) {
    EXPECT_EQ(next.placement[p].homes, state.placement[p].homes);
    EXPECT_EQ(next.placement[p].phase, Phase::kStable);
    EXPECT_NE(next.placement[p].target, next.placement[p].homes);
  }
}

TEST(ChangePlanTest, ASplitMakesTwoOfEachWithTheHomesOfTheOne) {
  const ClusterState state = RingOf(3);
  const ClusterState saved = Planned(Staged(state, {.kind = Kind::kSplit}));
  const auto next = WithPlanCommitted(saved, TestUuid(99));
  ASSERT_TRUE(next.ok());
  EXPECT_EQ(ToString(ValidateStep(saved, *next)), "OK");
  EXPECT_EQ(next->partition_bits, 4u);
  for (std::size_t p = 0; p < 16; ++p) {
    EXPECT_EQ(next->placement[p].homes, state.placement[p / 2].homes);
    EXPECT_EQ(next->placement[p].changed, next->version);
  }
}

TEST(ChangePlanTest, MovesArePausedOnceAndResumedOnce) {
  const ClusterState state = RingOf(2);
  EXPECT_EQ(WithPaused(state, false).status().code(), StatusCode::kFailedPrecondition);
  const auto paused = WithPaused(state, true);
  ASSERT_TRUE(paused.ok());
  EXPECT_EQ(WithPaused(*paused, true).status().code(), StatusCode::kFailedPrecondition);
  EXPECT_FALSE(WithPaused(*paused, false)->paused);
}

TEST(ChangePlanTest, AnAbortedLeaveLeavesTheMemberNormalWithWhatItHas) {
  const ClusterState before = RingOf(4);
  const ClusterState committed =
      Committed(Staged(before, {.kind = Kind::kLeave, .node = TestNode(20)}));
  const ClusterState moving = *NextStep(committed, 2);
  const auto aborted = WithAborted(moving);
  ASSERT_TRUE(aborted.ok());
  EXPECT_EQ(ToString(ValidateStep(moving, *aborted)), "OK");
  EXPECT_FALSE(aborted->IsMoving());
  EXPECT_EQ(aborted->FindMember(TestNode(20))->role, MemberRole::kNormal);
  for (std::size_t p = 0; p < 8; ++p) {
    EXPECT_EQ(aborted->placement[p].homes, before.placement[p].homes);
  }
  EXPECT_EQ(WithAborted(*aborted).status().code(), StatusCode::kFailedPrecondition);
}

TEST(ChangePlanTest, AnAbortLetsFinishWhatIsReadFromItsNextHomes) {
  ClusterState state = Committed(Staged(RingOf(4), {.kind = Kind::kLeave, .node = TestNode(20)}));
  state = *NextStep(AllReady(*NextStep(state, 2)), 4);  // two READNEW, two DUAL
  const auto aborted = WithAborted(state);
  ASSERT_TRUE(aborted.ok());
  std::size_t read_new = 0;
  for (std::size_t p = 0; p < 8; ++p) {
    if (state.placement[p].phase != Phase::kReadNew) continue;
    EXPECT_EQ(aborted->placement[p], state.placement[p]);
    ++read_new;
  }
  EXPECT_EQ(read_new, 2u);
  const ClusterState settled = Settled(*aborted);
  EXPECT_FALSE(settled.IsMoving());
  EXPECT_EQ(settled.FindMember(TestNode(20))->role, MemberRole::kNormal);
}

}  // namespace
}  // namespace carillon
