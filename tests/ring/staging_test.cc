#include "ring/staging.h"

#include <gtest/gtest.h>

#include "tests/ring/ring_builder.h"

namespace carillon {
namespace {

using Kind = StagedChange::Kind;

StatusCode CodeOf(const StatusOr<ClusterState>& state) {
  return state.status().code();
}

std::string MessageOf(const StatusOr<ClusterState>& state) {
  return std::string(Message(state.status()));
}

ClusterState Joined(const ClusterState& state, std::uint8_t number) {
  return *WithJoining(state, TestMember(number));
}

TEST(StagingTest, AJoiningMemberOwnsNothingAndIsStaged) {
  const ClusterState state = RingOf(3);
  const auto next = WithJoining(state, TestMember(15));
  ASSERT_TRUE(next.ok());
  EXPECT_TRUE(ValidateStep(state, *next).ok());
  EXPECT_EQ(next->members[1].role, MemberRole::kJoining);
  EXPECT_EQ(next->staged, (std::vector<StagedChange>{{.kind = Kind::kJoin, .node = TestNode(15)}}));
  EXPECT_EQ(VotersOf(*next), VotersOf(state));
}

TEST(StagingTest, AMemberInTheMiddleShiftsTheIndexesOfOthersEverywhere) {
  ClusterState state = RingOf(4, 3);
  state.placement[1] = {.homes = {0, 1}, .next = {1, 2}, .ready = {1, 2}, .phase = Phase::kDual};
  state.placement[2].target = {3, 0};
  const auto next = WithJoining(state, TestMember(15));
  ASSERT_TRUE(next.ok());
  EXPECT_TRUE(ValidateStep(state, *next).ok());
  EXPECT_EQ(next->placement[1].homes, (HomeList{0, 2}));
  EXPECT_EQ(next->placement[1].next, (HomeList{2, 3}));
  EXPECT_EQ(next->placement[1].ready, (HomeList{2, 3}));
  EXPECT_EQ(next->placement[2].target, (HomeList{4, 0}));
  const auto gone = WithMemberForgotten(*next, TestNode(15));
  ASSERT_TRUE(gone.ok());
  EXPECT_EQ(gone->placement, state.placement);
  EXPECT_EQ(gone->members, state.members);
}

TEST(StagingTest, WhoIsThereAlreadyIsToldApartFromWhoTakesAnothersName) {
  const ClusterState state = RingOf(2);
  const auto same = WithJoining(state, TestMember(10));
  EXPECT_EQ(CodeOf(same), StatusCode::kAlreadyExists);
  EXPECT_EQ(MessageOf(same), "n10 is a member already");
  EXPECT_TRUE(IsMember(state, TestMember(10)));
  Member name = TestMember(30);
  name.name = "n20";
  Member address = TestMember(30);
  address.address = "h20:1";
  Member node = TestMember(30);
  node.node = TestNode(20);
  for (const Member& member : {name, address, node}) {
    EXPECT_EQ(CodeOf(WithJoining(state, member)), StatusCode::kAlreadyExists);
    EXPECT_FALSE(IsMember(state, member));
  }
}

TEST(StagingTest, RefusesAMemberThatCannotBe) {
  const ClusterState state = RingOf(1);
  Member member = TestMember(20);
  member.node = NodeId{};
  EXPECT_EQ(CodeOf(WithJoining(state, member)), StatusCode::kInvalidArgument);
  member = TestMember(20);
  member.name = "a b";
  EXPECT_EQ(CodeOf(WithJoining(state, member)), StatusCode::kInvalidArgument);
  member = TestMember(20);
  member.address = "";
  EXPECT_EQ(CodeOf(WithJoining(state, member)), StatusCode::kInvalidArgument);
  member = TestMember(20);
  member.weight = kMaxWeight + 1;
  EXPECT_EQ(CodeOf(WithJoining(state, member)), StatusCode::kInvalidArgument);
}

TEST(StagingTest, AMembersAddressChangesAndAPlanStays) {
  const ClusterState state = Planned(Joined(RingOf(2), 30));
  const auto next = WithAddress(state, TestNode(10), "new:1");
  ASSERT_TRUE(next.ok());
  EXPECT_EQ(next->FindMember(TestNode(10))->address, "new:1");
  EXPECT_EQ(next->plan, state.plan);
  EXPECT_EQ(CodeOf(WithAddress(state, TestNode(10), "h10:1")), StatusCode::kAlreadyExists);
  EXPECT_EQ(CodeOf(WithAddress(state, TestNode(10), "h20:1")), StatusCode::kAlreadyExists);
  EXPECT_EQ(CodeOf(WithAddress(state, TestNode(10), "")), StatusCode::kInvalidArgument);
  EXPECT_EQ(CodeOf(WithAddress(state, TestNode(77), "x:1")), StatusCode::kNotFound);
}

TEST(StagingTest, NobodyLeavesTwiceAndNotTheLast) {
  const ClusterState state = RingOf(2);
  const auto once = WithStaged(state, {.kind = Kind::kLeave, .node = TestNode(10)});
  ASSERT_TRUE(once.ok());
  EXPECT_EQ(CodeOf(WithStaged(*once, {.kind = Kind::kLeave, .node = TestNode(10)})),
            StatusCode::kAlreadyExists);
  const auto twice = WithStaged(*once, {.kind = Kind::kRemove, .node = TestNode(10)});
  EXPECT_EQ(CodeOf(twice), StatusCode::kFailedPrecondition);
  EXPECT_EQ(MessageOf(twice), "n10 is staged to go already: leave");
  const auto last = WithStaged(*once, {.kind = Kind::kRemove, .node = TestNode(20)});
  EXPECT_EQ(CodeOf(last), StatusCode::kFailedPrecondition);
  EXPECT_EQ(MessageOf(last), "remove n20 would leave no normal member");
  EXPECT_TRUE(WithStaged(Joined(*once, 30), {.kind = Kind::kRemove, .node = TestNode(20)}).ok());
}

TEST(StagingTest, OnlyAJoiningMemberReplacesAnotherAndNeedNotJoinThen) {
  const ClusterState state = Joined(RingOf(2), 30);
  const StagedChange replace{.kind = Kind::kReplace, .node = TestNode(10), .other = TestNode(30)};
  const auto next = WithStaged(state, replace);
  ASSERT_TRUE(next.ok());
  EXPECT_EQ(next->staged, std::vector<StagedChange>{replace});
  EXPECT_EQ(CodeOf(WithStaged(*next, {.kind = Kind::kJoin, .node = TestNode(30)})),
            StatusCode::kFailedPrecondition);
  EXPECT_EQ(CodeOf(WithStaged(
                state, {.kind = Kind::kReplace, .node = TestNode(10), .other = TestNode(20)})),
            StatusCode::kFailedPrecondition);
  EXPECT_EQ(CodeOf(WithStaged(
                state, {.kind = Kind::kReplace, .node = TestNode(10), .other = TestNode(77)})),
            StatusCode::kNotFound);
  EXPECT_EQ(CodeOf(WithStaged(
                *next, {.kind = Kind::kReplace, .node = TestNode(20), .other = TestNode(30)})),
            StatusCode::kFailedPrecondition);
}

TEST(StagingTest, ChecksWeightsRacksAndNames) {
  const ClusterState state = RingOf(2);
  EXPECT_EQ(CodeOf(WithStaged(
                state, {.kind = Kind::kWeight, .node = TestNode(10), .weight = kMaxWeight + 1})),
            StatusCode::kInvalidArgument);
  EXPECT_EQ(CodeOf(WithStaged(state, {.kind = Kind::kRack, .node = TestNode(10), .rack = "a b"})),
            StatusCode::kInvalidArgument);
  EXPECT_EQ(CodeOf(WithStaged(state, {.kind = Kind::kLeave, .node = TestNode(77)})),
            StatusCode::kNotFound);
  EXPECT_EQ(CodeOf(WithStaged(state, {.kind = Kind::kJoin, .node = TestNode(10)})),
            StatusCode::kFailedPrecondition);
  EXPECT_EQ(CodeOf(WithStaged(Joined(state, 30), {.kind = Kind::kLeave, .node = TestNode(30)})),
            StatusCode::kFailedPrecondition);
}

TEST(StagingTest, ALaterWeightTakesThePlaceOfTheEarlier) {
  ClusterState state = RingOf(2);
  for (const std::uint32_t weight : {50u, 200u}) {
    state = *WithStaged(state, {.kind = Kind::kWeight, .node = TestNode(10), .weight = weight});
  }
  ASSERT_EQ(state.staged.size(), 1u);
  EXPECT_EQ(MembersWhenCommitted(state)[0].weight, 200u);
}

TEST(StagingTest, SplitsNoFurtherThanTheMost) {
  EXPECT_EQ(CodeOf(WithStaged(RingOf(1, kMaxPartitionBits), {.kind = Kind::kSplit})),
            StatusCode::kFailedPrecondition);
  const auto once = WithStaged(RingOf(1), {.kind = Kind::kSplit});
  ASSERT_TRUE(once.ok());
  EXPECT_EQ(CodeOf(WithStaged(*once, {.kind = Kind::kSplit})), StatusCode::kAlreadyExists);
}

TEST(StagingTest, StagingVoidsASavedPlan) {
  const ClusterState state = Planned(Joined(RingOf(2), 30));
  ASSERT_TRUE(state.plan.has_value());
  EXPECT_FALSE(WithStaged(state, {.kind = Kind::kRebalance})->plan.has_value());
  EXPECT_FALSE(WithJoining(state, TestMember(40))->plan.has_value());
  EXPECT_FALSE(WithMemberForgotten(state, TestNode(30))->plan.has_value());
}

TEST(StagingTest, ClearingKeepsJoiningMembersUntilTheyAreForgotten) {
  const ClusterState state = Planned(Joined(RingOf(2), 30));
  const auto cleared = WithStagedCleared(state);
  ASSERT_TRUE(cleared.ok());
  EXPECT_TRUE(cleared->staged.empty());
  EXPECT_FALSE(cleared->plan.has_value());
  EXPECT_EQ(cleared->FindMember(TestNode(30))->role, MemberRole::kJoining);
  EXPECT_TRUE(WithStaged(*cleared, {.kind = Kind::kJoin, .node = TestNode(30)}).ok());
  EXPECT_EQ(CodeOf(WithStagedCleared(*cleared)), StatusCode::kFailedPrecondition);
  EXPECT_EQ(WithMemberForgotten(*cleared, TestNode(30))->members.size(), 2u);
  EXPECT_EQ(CodeOf(WithMemberForgotten(*cleared, TestNode(10))), StatusCode::kFailedPrecondition);
  EXPECT_EQ(CodeOf(WithMemberForgotten(*cleared, TestNode(77))), StatusCode::kNotFound);
}

TEST(StagingTest, AMemberThatIsReplacedBecauseItIsDeadIsGivenUp) {
  const ClusterState state = Joined(RingOf(3), 40);
  const auto next = WithDeadReplaced(
      state, {.kind = Kind::kReplace, .node = TestNode(10), .other = TestNode(40)});
  ASSERT_TRUE(next.ok()) << ToString(next.status());
  EXPECT_TRUE(ValidateStep(state, *next).ok());
  const std::vector<Member> members = MembersWhenCommitted(*next);
  EXPECT_EQ(members[0].role, MemberRole::kLeaving);
  EXPECT_EQ(members[0].weight, 0u);
  EXPECT_EQ(members[3].role, MemberRole::kNormal);
}

}  // namespace
}  // namespace carillon
