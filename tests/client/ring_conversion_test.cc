#include "client/ring_conversion.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace carillon {
namespace {

using ::testing::ElementsAre;

constexpr char kCluster[] = "00000000-0000-0000-0000-00000000000c";
constexpr char kOne[] = "00000000-0000-0000-0000-000000000001";
constexpr char kTwo[] = "00000000-0000-0000-0000-000000000002";

v1::GetClusterViewResponse SampleView() {
  v1::GetClusterViewResponse message;
  v1::GetClusterStateResponse* state = message.mutable_state();
  state->set_cluster_uuid(kCluster);
  state->set_version(7);
  state->set_partitions(8);
  for (const auto& [uuid, name] : {std::pair(kOne, "n1"), std::pair(kTwo, "n2")}) {
    v1::Member* member = state->add_members();
    member->set_node_uuid(uuid);
    member->set_name(name);
    member->set_role(v1::MEMBER_ROLE_NORMAL);
    message.add_health()->set_node_uuid(uuid);
  }
  for (std::uint32_t i = 0; i < 8; ++i) {
    v1::Partition* partition = state->add_placement();
    partition->set_phase(v1::PHASE_STABLE);
    partition->add_homes(i % 2);
  }
  message.mutable_health(0)->set_health(v1::HEALTH_ALIVE);
  message.mutable_health(1)->set_health(v1::HEALTH_DEAD);
  message.mutable_health(1)->set_seconds(90);
  message.set_node_uuid(kOne);
  return message;
}

Status Refused(const v1::GetClusterViewResponse& message) {
  return FromMessage(message).status();
}

TEST(RingConversionTest, ReadsAView) {
  v1::GetClusterViewResponse message = SampleView();
  message.mutable_state()->mutable_placement(3)->set_phase(v1::PHASE_DUAL);
  message.mutable_state()->mutable_placement(3)->add_next(0);
  message.mutable_state()->mutable_placement(3)->add_ready(0);
  message.mutable_state()->mutable_placement(4)->add_target(1);
  v1::StagedChange* staged = message.add_staged();
  staged->set_kind("leave");
  staged->set_node("n2");
  v1::StateRecord* record = message.add_history();
  record->set_hash("abcdef01234567890000000000000001");
  record->set_when(1428415043.5);
  message.mutable_settling()->set_since(6);
  v1::Settling::Rule* rule = message.mutable_settling()->add_before();
  rule->set_bucket("events");
  rule->set_n_val(2);
  rule->set_w(1);
  message.mutable_settling()->add_ready_uuid(message.state().members(1).node_uuid());
  const auto view = FromMessage(message);
  ASSERT_TRUE(view.ok()) << ToString(view.status());
  const ClusterState& state = *view->state;
  ASSERT_TRUE(state.settling);
  EXPECT_EQ(state.settling->since, StateVersion(6));
  EXPECT_EQ(state.settling->before.at("events"), (ReplicaRule{.n_val = 2, .w = 1}));
  EXPECT_THAT(state.settling->ready, ElementsAre(1));
  EXPECT_EQ(state.version, StateVersion(7));
  EXPECT_EQ(state.partition_bits, 3u);
  EXPECT_THAT(state.placement[3].next, ElementsAre(0));
  EXPECT_EQ(state.placement[3].phase, Phase::kDual);
  EXPECT_THAT(state.placement[3].ready, ElementsAre(0));
  EXPECT_THAT(state.placement[4].target, ElementsAre(1));
  EXPECT_EQ(state.staged.front().kind, StagedChange::Kind::kLeave);
  EXPECT_EQ(state.staged.front().node, state.members[1].node);
  EXPECT_EQ(view->health[1].health, Health::kDead);
  EXPECT_EQ(view->health[1].since, std::chrono::seconds(90));
  EXPECT_EQ(view->history.front().hash, (Hash128Value{.low = 1, .high = 0xABCDEF0123456789}));
  EXPECT_EQ(WallSeconds(view->history.front().when), 1428415043u);
}

TEST(RingConversionTest, RefusesWhatCannotBeIndexed) {
  v1::GetClusterViewResponse stranger = SampleView();
  stranger.mutable_state()->mutable_placement(0)->add_homes(2);
  EXPECT_EQ(Refused(stranger).code(), StatusCode::kInternal);
  v1::GetClusterViewResponse homeless = SampleView();
  homeless.mutable_state()->mutable_placement(0)->clear_homes();
  EXPECT_EQ(Refused(homeless).code(), StatusCode::kInternal);
  v1::GetClusterViewResponse few = SampleView();
  few.mutable_state()->mutable_placement()->RemoveLast();
  EXPECT_EQ(Refused(few).code(), StatusCode::kInternal);
  v1::GetClusterViewResponse silent = SampleView();
  silent.mutable_health()->RemoveLast();
  EXPECT_EQ(Refused(silent).code(), StatusCode::kInternal);
  v1::GetClusterViewResponse nameless = SampleView();
  nameless.set_node_uuid("n1");
  EXPECT_EQ(Refused(nameless).code(), StatusCode::kInternal);
}

TEST(RingConversionTest, FindsOutWhoGainsAndLoses) {
  v1::PlanChangesResponse message;
  message.set_plan_id("p");
  for (const char* uuid : {kOne, kTwo}) {
    message.add_members()->set_node_uuid(uuid);
    message.add_planned_members()->set_node_uuid(uuid);
  }
  v1::PlannedMove* move = message.add_moves();
  move->set_partition(5);
  move->add_from(0);
  move->add_to(1);
  const auto planned = FromMessage(message);
  ASSERT_TRUE(planned.ok());
  EXPECT_EQ(planned->id, "p");
  EXPECT_THAT(planned->plan.moves.front().gains, ElementsAre(1));
  EXPECT_THAT(planned->plan.moves.front().loses, ElementsAre(0));
  message.mutable_planned_members()->RemoveLast();
  EXPECT_EQ(FromMessage(message).status().code(), StatusCode::kInternal);
}

}  // namespace
}  // namespace carillon
