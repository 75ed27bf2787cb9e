#include "server/node/sync_schedule.h"

#include <gtest/gtest.h>

namespace carillon {
namespace {

NodeId NodeOf(std::uint8_t last) {
  Uuid uuid;
  uuid.bytes[15] = last;
  return NodeId(uuid);
}

// Four members; partition 0 moves from the first three to the last three, which `self` is of.
class SyncScheduleTest : public testing::Test {
 protected:
  SyncScheduleTest() {
    state_ = FirstState(NodeOf(9).value(), {.node = NodeOf(1), .name = "n1"}, kMinPartitionBits);
    for (const std::uint8_t i : {2, 3, 4}) {
      state_.members.push_back({.node = NodeOf(i), .name = fmt::format("n{}", i)});
    }
    state_.placement[0] = {.homes = {0, 1, 2}, .next = {1, 2, 3}, .phase = Phase::kDual};
    scene_ = {.state = &state_,
              .node = NodeOf(4),
              .self = 3,
              .reachability = &reachability_,
              .watermarks = &watermarks_,
              .foreign = &foreign_,
              .time = {.now = Instant(std::chrono::seconds(5)), .wall = {}}};
    schedule_.HandleNewState(scene_);
  }

  ClusterState state_;
  Reachability reachability_;
  Watermarks watermarks_;
  ForeignPartitions foreign_;
  Random random_{1};
  SyncSchedule schedule_{{}, &random_};
  Scene scene_;
};

TEST_F(SyncScheduleTest, PullsAPartitionFromOneSourceAtATime) {
  const auto first = schedule_.Next(scene_);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->key.partition, PartitionId(0));
  EXPECT_FALSE(schedule_.Next(scene_));
  schedule_.Ended(first->key, OkStatus(), {}, scene_);
  const auto second = schedule_.Next(scene_);
  ASSERT_TRUE(second);
  EXPECT_NE(second->key.source, first->key.source);
}

TEST_F(SyncScheduleTest, IsReadyWhenEnoughSourcesWerePulled) {
  for (int pulls = 1; pulls <= 2; ++pulls) {  // n - w + 1 of three homes
    EXPECT_TRUE(schedule_.ReadyIn(Phase::kDual, scene_).empty());
    const auto pull = schedule_.Next(scene_);
    ASSERT_TRUE(pull);
    schedule_.Ended(pull->key, OkStatus(), {}, scene_);
  }
  EXPECT_EQ(schedule_.ReadyIn(Phase::kDual, scene_), std::vector{PartitionId(0)});
}

TEST_F(SyncScheduleTest, APullThatFailedDoesNotCount) {
  for (int i = 0; i < 3; ++i) {
    const auto pull = schedule_.Next(scene_);
    ASSERT_TRUE(pull);
    schedule_.Ended(pull->key, Unavailable("gone"), {}, scene_);
  }
  EXPECT_TRUE(schedule_.ReadyIn(Phase::kDual, scene_).empty());
}

// The partition moves again, with other buckets; one source at a time is not away.
class SyncOfSmallBucketsTest : public SyncScheduleTest {
 protected:
  void Restart(std::vector<MemberIndex> next) {
    state_.placement[0].next = std::move(next);
    schedule_.HandleNewNumbers();
    schedule_.HandleNewState(scene_);
  }
  void PullFrom(std::uint8_t node) {
    for (int i = 0; i < 3; ++i) {
      const auto pull = schedule_.Next(scene_);
      if (!pull) break;
      const bool wanted = pull->key.source == NodeOf(node);
      schedule_.Ended(pull->key, wanted ? OkStatus() : Unavailable("away"), {}, scene_);
    }
    scene_.time.now += std::chrono::seconds(3);
  }
  bool IsReady() const { return !schedule_.ReadyIn(Phase::kDual, scene_).empty(); }
};

TEST_F(SyncOfSmallBucketsTest, ANewPrimaryPullsFromTheOnlyHomeOfABucketWhateverElseItHas) {
  state_.buckets["one"] = {.n_val = 1};
  Restart({3, 1, 2});
  PullFrom(2);
  PullFrom(3);
  EXPECT_FALSE(IsReady());
  PullFrom(1);
  EXPECT_TRUE(IsReady());
}

TEST_F(SyncOfSmallBucketsTest, ANewHomePullsFromBothHomesOfABucketOfWhichOneMayHaveAWrite) {
  state_.buckets["two"] = {.n_val = 2, .w = 1};
  Restart({1, 3, 2});
  PullFrom(1);
  PullFrom(3);
  EXPECT_FALSE(IsReady());
  PullFrom(2);
  EXPECT_TRUE(IsReady());
}

TEST_F(SyncOfSmallBucketsTest, ALastHomeDoesNotWaitForABucketThatItWillNotHave) {
  state_.buckets["one"] = {.n_val = 1};
  Restart({1, 2, 3});
  PullFrom(2);
  PullFrom(3);
  EXPECT_TRUE(IsReady());
}

TEST_F(SyncOfSmallBucketsTest, AHomeThatBecomesTheFirstPullsWhatItHadNot) {
  state_.buckets["one"] = {.n_val = 1};
  scene_.node = NodeOf(3);
  scene_.self = 2;
  Restart({2, 0, 1});
  PullFrom(2);
  EXPECT_FALSE(IsReady());
  PullFrom(1);
  EXPECT_TRUE(IsReady());
}

TEST_F(SyncOfSmallBucketsTest, AHomeThatStaysPullsFromAnotherWhenThereWillBeFewer) {
  scene_.node = NodeOf(3);
  scene_.self = 2;
  Restart({1, 2});
  EXPECT_FALSE(IsReady());
  PullFrom(2);
  EXPECT_TRUE(IsReady());
}

TEST_F(SyncOfSmallBucketsTest, NoOneWaitsForWhoIsGoneForGood) {
  state_.buckets["one"] = {.n_val = 1};
  state_.members[0].role = MemberRole::kLeaving;
  state_.members[0].weight = 0;
  reachability_.SetDead(NodeOf(1), true);
  Restart({3, 1, 2});
  PullFrom(2);
  PullFrom(3);
  EXPECT_TRUE(IsReady());
}

}  // namespace
}  // namespace carillon
