#include "ring/settling.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "ring/bucket_change.h"
#include "ring/force_recover.h"
#include "ring/preference_list.h"
#include "ring/replica_rules.h"
#include "tests/ring/ring_builder.h"

namespace carillon {
namespace {

const std::string kBucket = "events";

// Five nodes; partition 0 has homes 0, 1, 2. Buckets have n_val 3 and w 2.
class SettlingTest : public testing::Test {
 protected:
  SettlingTest() : state_(RingOf(5)) { state_.placement[0].homes = {0, 1, 2}; }

  void Change(std::uint32_t n_val, std::uint32_t w, const std::string& bucket = kBucket) {
    Step(*WithBucketChanged(state_, bucket, {.n_val = n_val, .w = w}));
  }
  void Step(const ClusterState& next) {
    const Status legal = ValidateStep(state_, next);
    ASSERT_TRUE(legal.ok()) << ToString(legal);
    EXPECT_EQ(*DecodeClusterState(EncodeClusterState(next)), next);
    state_ = next;
  }
  void Settle(std::uint8_t node) {
    Step(*WithSettled(state_, TestNode(node), state_.settling->since));
  }
  void SettleAll() {
    for (const std::uint8_t node : {10, 20, 30, 40, 50}) Settle(node);
    Step(*NextStep(state_, 4));
  }
  std::uint32_t Reads(std::size_t rule) const {
    return ReadQuorumsOf(state_.placement[0], RulesOf(state_, kBucket)).at(rule).wanted;
  }

  ClusterState state_;
};

TEST_F(SettlingTest, ANewRuleSettlesAndWhatIsAskedByTheOldOneIsRefusedEverywhere) {
  Change(3, 1);
  ASSERT_TRUE(state_.settling);
  EXPECT_EQ(state_.settling->before, (std::map<std::string, ReplicaRule>{{kBucket, {3, 2}}}));
  EXPECT_EQ(state_.settling->since, state_.version);
  for (const PartitionHomes& partition : state_.placement) {
    EXPECT_EQ(partition.changed, state_.version);
  }
}

TEST_F(SettlingTest, AnotherPropertyOrTheSameRuleSettlesNothing) {
  const StateVersion changed = state_.placement[0].changed;
  Step(*WithBucketChanged(state_, kBucket, {.ttl_seconds = 60}));
  Step(*WithBucketChanged(state_, kBucket, {.w = 2}));  // a majority of 3, as before
  EXPECT_FALSE(state_.settling);
  EXPECT_EQ(state_.placement[0].changed, changed);
}

TEST_F(SettlingTest, WhileItSettlesReadsAndWritesSatisfyBothRules) {
  Change(2, 1);
  const BucketRules rules = RulesOf(state_, kBucket);
  const auto writes = WriteQuorumsOf(state_.placement[0], rules);
  ASSERT_EQ(writes.size(), 2U);
  EXPECT_EQ(writes[0].homes, (HomeList{0, 1, 2}));
  EXPECT_EQ(writes[0].wanted, 2U);
  EXPECT_EQ(writes[1].homes, (HomeList{0, 1}));
  EXPECT_EQ(writes[1].wanted, 1U);
  EXPECT_EQ(Reads(0), 2U);  // of three
  EXPECT_EQ(Reads(1), 2U);  // of two
  SettleAll();
  EXPECT_EQ(Reads(0), 2U);
  EXPECT_EQ(WriteQuorumsOf(state_.placement[0], RulesOf(state_, kBucket)).size(), 1U);
}

TEST_F(SettlingTest, VotesOnClaimsGoByTheRuleBeforeAndThoseWhoVoteNextAreTold) {
  state_.buckets[kBucket].n_val = 1;
  Change(3, 2);
  const ClaimHomes homes = ClaimHomesOf(state_.placement[0], RulesOf(state_, kBucket));
  EXPECT_EQ(homes.voters.homes, (HomeList{0}));
  EXPECT_EQ(homes.voters.wanted, 1U);
  ASSERT_EQ(homes.next.size(), 1U);
  EXPECT_EQ(homes.next[0].homes, (HomeList{0, 1, 2}));
  EXPECT_EQ(homes.next[0].wanted, 2U);
}

TEST_F(SettlingTest, ItEndsWhenEveryHomeHasSettledAndNoSooner) {
  Change(2, 2);
  for (const std::uint8_t node : {10, 20, 30, 40}) Settle(node);
  EXPECT_FALSE(NextStep(state_, 4));
  ClusterState early = NextVersionOf(state_, "too early");
  early.settling.reset();
  EXPECT_EQ(ValidateStep(state_, early).code(), StatusCode::kInvalidArgument);
  Settle(50);
  Step(*NextStep(state_, 4));
  EXPECT_FALSE(state_.settling);
}

TEST_F(SettlingTest, AHomeThatIsToComeIsWaitedFor) {
  state_.placement[0] = {.homes = {0, 1, 2}, .next = {0, 1, 3}, .phase = Phase::kDual};
  for (PartitionHomes& partition : state_.placement) {
    if (partition.phase == Phase::kStable) partition.homes = {0, 1, 2};
  }
  Change(2, 2);
  EXPECT_EQ(WaitsToSettle(state_), (HomeList{0, 1, 2, 3}));
}

TEST_F(SettlingTest, AnotherChangeBeginsAnewFromTheRuleThatAllIsKeptBy) {
  Change(2, 2);
  Settle(10);
  Change(1, 1);
  EXPECT_EQ(state_.settling->before.at(kBucket), (ReplicaRule{3, 2}));
  EXPECT_TRUE(state_.settling->ready.empty());
  Change(3, 2);
  EXPECT_FALSE(state_.settling);
}

TEST_F(SettlingTest, BucketsSettleTogether) {
  Change(2, 2);
  Settle(10);
  Change(1, 1, "rollups");
  EXPECT_EQ(state_.settling->before.size(), 2U);
  EXPECT_TRUE(state_.settling->ready.empty());
  Change(3, 2, "rollups");
  EXPECT_EQ(state_.settling->before.size(), 1U);
  SettleAll();
  EXPECT_FALSE(state_.settling);
}

TEST_F(SettlingTest, WhoPulledForAnEarlierChangeIsNotReady) {
  Change(2, 2);
  const StateVersion earlier = state_.settling->since;
  Change(1, 1);
  const auto settled = WithSettled(state_, TestNode(10), earlier);
  EXPECT_EQ(settled.status().code(), StatusCode::kFailedPrecondition);
  Settle(10);
  EXPECT_EQ(WithSettled(state_, TestNode(10), state_.settling->since).status().code(),
            StatusCode::kFailedPrecondition);
  EXPECT_EQ(WithSettled(state_, TestNode(99), state_.settling->since).status().code(),
            StatusCode::kNotFound);
}

TEST_F(SettlingTest, AStepThatForgetsTheRuleBeforeIsRefused) {
  ClusterState next = *WithBucketChanged(state_, kBucket, {.n_val = 2});
  next.settling.reset();
  EXPECT_EQ(ValidateStep(state_, next).code(), StatusCode::kInvalidArgument);
  next = *WithBucketChanged(state_, kBucket, {.n_val = 2});
  next.settling->before[kBucket] = {.n_val = 1, .w = 1};
  EXPECT_EQ(ValidateStep(state_, next).code(), StatusCode::kInvalidArgument);
  next = *WithBucketChanged(state_, kBucket, {.n_val = 2});
  next.settling->ready = {0};
  EXPECT_EQ(ValidateStep(state_, next).code(), StatusCode::kInvalidArgument);
  next = *WithBucketChanged(state_, kBucket, {.n_val = 2});
  next.placement[3].changed = StateVersion(1);
  EXPECT_EQ(ValidateStep(state_, next).code(), StatusCode::kInvalidArgument);
}

TEST_F(SettlingTest, AStepThatForgetsWhoHasSettledIsRefused) {
  Change(2, 2);
  Settle(10);
  ClusterState next = NextVersionOf(state_, "forgets");
  next.settling->ready.clear();
  EXPECT_EQ(ValidateStep(state_, next).code(), StatusCode::kInvalidArgument);
}

TEST_F(SettlingTest, WhoHasSettledIsKnownByNodeWhenMembersComeAndGo) {
  Change(2, 2);
  Settle(20);
  Step(*WithJoining(state_, TestMember(15)));
  EXPECT_EQ(state_.settling->ready, (HomeList{2}));
  Step(*WithMemberForgotten(state_, TestNode(15)));
  EXPECT_EQ(state_.settling->ready, (HomeList{1}));
}

TEST_F(SettlingTest, ARecoveredRingSettlesAnew) {
  Change(2, 2);
  Settle(10);
  const auto recovered = ForceRecover(state_, {TestNode(10), TestNode(20)}, TestUuid(5));
  ASSERT_TRUE(recovered.ok());
  EXPECT_TRUE(recovered->state.settling->ready.empty());
  EXPECT_EQ(recovered->state.settling->since, recovered->state.version);
}

TEST_F(SettlingTest, AHomePullsFromAsManyAsAReadByTheRuleBeforeAsks) {
  state_.buckets = {{kBucket, {.n_val = 2, .w = 1}}};
  Change(3, 2);
  const ReplicaRules rules(state_);
  const auto settled = [&](std::uint16_t member, const std::set<std::uint16_t>& pulled) {
    return rules.HasSettled(
        state_.placement[0], member, [&](std::uint16_t home) { return pulled.contains(home); },
        [](std::uint16_t) { return false; });
  };
  EXPECT_FALSE(settled(2, {1}));
  EXPECT_TRUE(settled(2, {0, 1}));
  EXPECT_FALSE(settled(0, {2}));
  EXPECT_TRUE(settled(0, {1}));
}

TEST_F(SettlingTest, AHomeThatComesMeanwhilePullsByTheRuleBefore) {
  state_.buckets = {{kBucket, {.n_val = 2, .w = 1}}};
  Change(3, 3);
  const PartitionHomes moving{.homes = {0, 1, 2}, .next = {0, 1, 4}, .phase = Phase::kDual};
  const auto enough = [&](const std::set<std::uint16_t>& pulled) {
    return ReplicaRules(state_).HasEnough(
        moving, 4, [&](std::uint16_t home) { return pulled.contains(home); },
        [](std::uint16_t) { return false; });
  };
  EXPECT_FALSE(enough({2}));  // by the rule that is to be, one would do
  EXPECT_FALSE(enough({0, 2}));
  EXPECT_TRUE(enough({0, 1}));
}

}  // namespace
}  // namespace carillon
