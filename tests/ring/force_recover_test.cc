#include "ring/force_recover.h"

#include <gtest/gtest.h>

#include "tests/ring/register_fixture.h"

namespace carillon {
namespace {

const Uuid kChange = RegisterUuid(3, 9);

ClusterState Moving() {
  ClusterState state = StateOf(5);
  state.placement[0] = {.homes = {0, 1, 2}};
  state.placement[1] = {.homes = {2, 3, 4}};
  state.placement[2] = {.homes = {2, 3}, .next = {0, 1}, .ready = {1}, .phase = Phase::kDual};
  state.placement[3] = {.homes = {0, 1}, .next = {2, 3}, .phase = Phase::kDual};
  state.placement[4] = {.homes = {0}, .next = {2, 1}, .ready = {1, 2}, .phase = Phase::kReadNew};
  return state;
}

TEST(ForceRecoverTest, KeepsTheSurvivorsAndWhatTheyHave) {
  const ClusterState state = Moving();
  const auto recovered = ForceRecover(state, {RegisterNode(2), RegisterNode(1)}, kChange);
  ASSERT_TRUE(recovered.ok()) << ToString(recovered.status());
  const ClusterState& next = recovered->state;
  EXPECT_EQ(next.generation, state.generation + 1);
  EXPECT_EQ(next.version.value(), state.version.value() + 1);
  EXPECT_EQ(next.previous, HashOf(state));
  EXPECT_EQ(next.members.size(), 2u);
  using Indexes = std::vector<std::uint16_t>;
  EXPECT_EQ(next.placement[0].homes, (Indexes{0, 1}));
  EXPECT_EQ(next.placement[2].homes, (Indexes{0, 1}));  // its next homes
  EXPECT_EQ(next.placement[2].phase, Phase::kStable);
  EXPECT_EQ(next.placement[3].homes, (Indexes{0, 1}));
  EXPECT_EQ(next.placement[3].phase, Phase::kStable);
  EXPECT_EQ(next.placement[4].next, (Indexes{1}));
  EXPECT_EQ(next.placement[4].ready, (Indexes{1}));
  EXPECT_EQ(next.placement[4].phase, Phase::kReadNew);
  for (const PartitionHomes& partition : next.placement) {
    EXPECT_EQ(partition.changed, next.version);
  }
}

TEST(ForceRecoverTest, GivesAwayAndReportsWhatIsLost) {
  const auto recovered = ForceRecover(Moving(), {RegisterNode(1), RegisterNode(2)}, kChange);
  ASSERT_TRUE(recovered.ok());
  ASSERT_EQ(recovered->lost.size(), 1u);
  EXPECT_EQ(recovered->lost[0], PartitionId(1));
  EXPECT_EQ(recovered->state.placement[1].homes.size(), 2u);
}

TEST(ForceRecoverTest, RefusesStrangersRepetitionsAndNobody) {
  const ClusterState state = StateOf(3);
  for (const std::vector<NodeId>& survivors :
       {std::vector<NodeId>{}, {RegisterNode(9)}, {RegisterNode(1), RegisterNode(1)}}) {
    EXPECT_EQ(ForceRecover(state, survivors, kChange).status().code(),
              StatusCode::kInvalidArgument);
  }
}

class RecoveryTest : public testing::Test {
 protected:
  RecoveryTest() : cluster_(5) {
    auto recovered =
        ForceRecover(*cluster_.at(1).committed(), {RegisterNode(1), RegisterNode(2)}, kChange);
    EXPECT_TRUE(recovered.ok());
    state_ = recovered->state;
  }
  RegisterCluster cluster_;
  ClusterState state_;
};

TEST_F(RecoveryTest, IsTakenBySurvivorsAndByNobodyElse) {
  const ProposalId id = cluster_.Recover(1, state_);
  EXPECT_TRUE(cluster_.answers[id].status.ok());
  EXPECT_EQ(cluster_.at(2).committed()->generation, 1u);
  EXPECT_EQ(cluster_.at(3).committed()->generation, 0u);
  EXPECT_TRUE(cluster_.answers[cluster_.Propose(2, Noting("a"))].status.ok());
}

TEST_F(RecoveryTest, RefusesTheOldGenerationForEver) {
  cluster_.Isolate(2);
  cluster_.Recover(1, state_);
  cluster_.Isolate(4);  // node 3 finds no majority in what is left: 3, 5, and 1, which refuses
  const ProposalId id = cluster_.Propose(3, Noting("old"));
  cluster_.Wait(std::chrono::seconds(60));
  EXPECT_EQ(cluster_.answers[id].status.code(), StatusCode::kUnavailable);
  const SharedState old = NextOf(cluster_.at(3).committed(), "old");
  cluster_.Say(3, 1, StateNotice{.header = HeaderAfter(old), .state = old});
  EXPECT_EQ(cluster_.at(1).committed()->generation, 1u);
  EXPECT_EQ(cluster_.at(3).committed()->generation, 0u);
}

TEST_F(RecoveryTest, ReachesASurvivorThatWasAway) {
  cluster_.Isolate(2);
  cluster_.Recover(1, state_);
  cluster_.Heal();
  const ProposalId id = cluster_.Propose(2, Noting("a"));  // hears of it while it proposes
  cluster_.Wait(std::chrono::seconds(10));
  EXPECT_EQ(cluster_.at(2).committed()->generation, 1u);
  EXPECT_TRUE(cluster_.answers[id].status.ok());
}

TEST_F(RecoveryTest, IsRefusedWhenItDoesNotFollow) {
  cluster_.Propose(1, Noting("a"));
  EXPECT_EQ(cluster_.answers[cluster_.Recover(1, state_)].status.code(), StatusCode::kAborted);
}

TEST_F(RecoveryTest, EndsAFreeze) {
  cluster_.Summary(3, 1, SummaryOf(Share(StateOf(4))));
  EXPECT_FALSE(cluster_.at(1).keeper().frozen().empty());
  EXPECT_TRUE(cluster_.answers[cluster_.Recover(1, state_)].status.ok());
  EXPECT_TRUE(cluster_.at(1).keeper().frozen().empty());
}

}  // namespace
}  // namespace carillon
