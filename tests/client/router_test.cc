#include "client/router.h"

#include <chrono>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ring/hash_ring.h"

namespace carillon {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::SizeIs;

NodeId NodeOf(std::uint8_t number) {
  Uuid uuid;
  uuid.bytes[15] = number;
  return NodeId(uuid);
}

// Members a, b, c, d; 8 partitions; partition p has the homes p, p + 1 (modulo 4).
ClusterState FourMembers(std::uint64_t version) {
  ClusterState state;
  state.version = StateVersion(version);
  state.partition_bits = 3;
  for (std::uint8_t i = 0; i < 4; ++i) {
    state.members.push_back({.node = NodeOf(i), .address = std::string(1, 'a' + i) + ":1"});
  }
  for (std::uint16_t p = 0; p < 8; ++p) {
    const auto first = static_cast<std::uint16_t>(p % 4);
    const auto second = static_cast<std::uint16_t>((p + 1) % 4);
    state.placement.push_back({.homes = {first, second}});
  }
  state.buckets["events"] = {.n_val = 2};
  return state;
}

Router::Ring Share(ClusterState state) {
  return std::make_shared<const ClusterState>(std::move(state));
}

class RouterTest : public ::testing::Test {
 protected:
  RouterTest() { router_.Adopt(Share(FourMembers(7))); }

  // A key of partition 0: its homes are a and b.
  static std::string KeyAtA() {
    for (int i = 0;; ++i) {
      const std::string key = "key" + std::to_string(i);
      if (PartitionOf(HashKey("events", key), 3) == PartitionId(0)) return key;
    }
  }
  std::string Write() { return router_.Pick(write_, now_).endpoint; }
  std::string Read() { return router_.Pick(read_, now_).endpoint; }
  void Fail(const std::string& endpoint) { router_.health()->HandleFailure(endpoint, now_); }
  void Answer(const std::string& endpoint, Duration latency) {
    router_.health()->HandleAnswer(endpoint, latency, now_);
  }
  void Move(Phase phase) {
    ClusterState state = FourMembers(8);
    state.placement[0].next = {2, 3};
    state.placement[0].phase = phase;
    router_.Adopt(Share(std::move(state)));
  }

  Router router_{{"s:1", "t:1"}};
  Instant now_ = Instant() + seconds(1000);
  const Aim write_{Aim::Kind::kWrite, "events", KeyAtA()};
  const Aim read_{Aim::Kind::kRead, "events", KeyAtA()};
  const Aim any_{};
};

TEST_F(RouterTest, SendsAWriteToItsPrimaryWithItsRoute) {
  const Target target = router_.Pick(write_, now_);
  EXPECT_EQ(target.endpoint, "a:1");
  EXPECT_EQ(target.version, StateVersion(7));
  EXPECT_EQ(target.partition, PartitionId(0));
  EXPECT_FALSE(target.is_last_resort);
}

TEST_F(RouterTest, KnowsOnlySeedsAndNoRouteWithoutARing) {
  Router router({"s:1", "t:1"});
  const Target target = router.Pick(write_, now_);
  EXPECT_EQ(target.endpoint, "s:1");
  EXPECT_EQ(target.version, StateVersion(0));
  router.health()->HandleFailure("s:1", now_);
  EXPECT_EQ(router.Pick(write_, now_).endpoint, "t:1");
}

TEST_F(RouterTest, TakesARingOfOneForNone) {
  ClusterState state = FourMembers(9);
  state.members.resize(1);
  EXPECT_TRUE(router_.Adopt(Share(state)));
  EXPECT_EQ(router_.version(), StateVersion(9));
  EXPECT_EQ(router_.Pick(write_, now_).endpoint, "s:1");
  EXPECT_EQ(router_.Pick(write_, now_).version, StateVersion(0));
}

TEST_F(RouterTest, TakesOnlyANewerStateOfTheSameCluster) {
  EXPECT_FALSE(router_.Adopt(Share(FourMembers(7))));
  EXPECT_FALSE(router_.Adopt(Share(FourMembers(6))));
  ClusterState other = FourMembers(8);
  other.cluster.bytes[0] = 1;
  EXPECT_FALSE(router_.Adopt(Share(other)));
  EXPECT_TRUE(router_.Adopt(Share(FourMembers(8))));
  ClusterState recovered = FourMembers(5);
  recovered.generation = 1;
  EXPECT_TRUE(router_.Adopt(Share(recovered)));
}

TEST_F(RouterTest, GoesToTheOtherHomesThenToAnybodyWhenHomesAreDead) {
  Fail("a:1");
  EXPECT_EQ(Write(), "b:1");
  Fail("b:1");
  EXPECT_EQ(Write(), "c:1");
  Fail("c:1");
  Fail("d:1");
  EXPECT_EQ(Write(), "s:1");
}

TEST_F(RouterTest, AsksWhosePauseEndsFirstWhenAllAreAvoided) {
  for (const char* endpoint : {"b:1", "a:1", "c:1", "d:1", "s:1", "t:1"}) {
    Fail(endpoint);
    now_ += milliseconds(1);
  }
  EXPECT_EQ(router_.Find(write_, now_).endpoint, "b:1");
  EXPECT_TRUE(router_.Find(write_, now_).is_last_resort);
}

TEST_F(RouterTest, TriesADeadNodeAgainWithOneRequestAfterItsPause) {
  Fail("a:1");
  now_ += NodeHealth::kFirstPause;
  EXPECT_EQ(Write(), "a:1");
  EXPECT_EQ(Write(), "b:1");
  Answer("a:1", milliseconds(1));
  EXPECT_EQ(Write(), "a:1");
}

TEST_F(RouterTest, AvoidsANodeLongerEachTimeItFailsAgain) {
  Duration pause = NodeHealth::kFirstPause;
  for (int i = 0; i < 12; ++i) {
    Fail("a:1");
    now_ += pause - milliseconds(1);
    EXPECT_EQ(Write(), "b:1");
    now_ += milliseconds(1);
    EXPECT_EQ(Write(), "a:1");
    pause = std::min<Duration>(2 * pause, NodeHealth::kMaxPause);
  }
}

TEST_F(RouterTest, CountsRequestsThatFailTogetherOnce) {
  for (int i = 0; i < 50; ++i) Fail("a:1");
  now_ += NodeHealth::kFirstPause;
  EXPECT_EQ(Write(), "a:1");
}

TEST_F(RouterTest, AvoidsANodeMuchSlowerThanAnotherUntilItIsQuickAgain) {
  Answer("b:1", milliseconds(2));
  Answer("a:1", seconds(1));
  EXPECT_EQ(Write(), "b:1");
  now_ += NodeHealth::kSlowPause;
  EXPECT_EQ(Write(), "a:1");
  EXPECT_EQ(Write(), "b:1");
  Answer("a:1", milliseconds(3));
  EXPECT_EQ(Write(), "a:1");
}

TEST(NodeHealthTest, WaitsForAnAnswerAsLongAsTheSlowestThatAnswersGivesReasonTo) {
  NodeHealth health;
  const Instant now = Instant() + std::chrono::hours(1);
  EXPECT_EQ(health.Patience(), std::nullopt);
  health.HandleAnswer("a", std::chrono::milliseconds(2), now);
  EXPECT_EQ(health.Patience(), NodeHealth::kLeastPatience);
  health.HandleAnswer("b", std::chrono::milliseconds(200), now);
  EXPECT_EQ(health.Patience(), NodeHealth::kSlowFactor * Duration(std::chrono::milliseconds(200)));
  health.HandleFailure("b", now);  // what it was says nothing any more
  EXPECT_EQ(health.Patience(), NodeHealth::kLeastPatience);
}

TEST_F(RouterTest, DoesNotCallANodeSlowWhenAllAre) {
  Answer("b:1", milliseconds(900));
  Answer("a:1", seconds(1));
  EXPECT_EQ(Write(), "a:1");
}

TEST_F(RouterTest, ReadsFromTheHomesThatServeReadsInThePhase) {
  EXPECT_EQ(Read(), "a:1");
  Move(Phase::kDual);
  EXPECT_EQ(Read(), "a:1");
  router_.Adopt(Share(FourMembers(9)));
  ClusterState state = FourMembers(10);
  state.placement[0].next = {2, 3};
  state.placement[0].phase = Phase::kReadNew;
  router_.Adopt(Share(std::move(state)));
  EXPECT_EQ(Read(), "c:1");
  EXPECT_EQ(Write(), "a:1");
}

TEST_F(RouterTest, UsesNoMoreHomesThanTheBucketHas) {
  ClusterState state = FourMembers(8);
  state.buckets["events"].n_val = 1;
  router_.Adopt(Share(std::move(state)));
  EXPECT_EQ(router_.NextHome(read_, {"a:1"}, now_), "");
}

TEST_F(RouterTest, NamesTheNextHomeOfAMiss) {
  EXPECT_EQ(router_.NextHome(read_, {"a:1"}, now_), "b:1");
  EXPECT_EQ(router_.NextHome(read_, {"a:1", "b:1"}, now_), "");
  EXPECT_EQ(Router({"s:1"}).NextHome(read_, {}, now_), "");
}

TEST_F(RouterTest, GivesWhatIsForAnybodyToTheMembersInTurn) {
  std::vector<std::string> asked;
  for (int i = 0; i < 5; ++i) asked.push_back(router_.Pick(any_, now_).endpoint);
  EXPECT_THAT(asked, ElementsAre("a:1", "b:1", "c:1", "d:1", "a:1"));
  Fail("b:1");
  EXPECT_EQ(router_.Pick(any_, now_).endpoint, "c:1");
}

TEST_F(RouterTest, AsksNoJoiningMemberForAnything) {
  ClusterState state = FourMembers(8);
  state.members[1].role = MemberRole::kJoining;
  router_.Adopt(Share(std::move(state)));
  for (int i = 0; i < 6; ++i) EXPECT_NE(router_.Pick(any_, now_).endpoint, "b:1");
}

TEST_F(RouterTest, GroupsKeysByTheirPrimaries) {
  std::vector<std::string> keys;
  for (int i = 0; i < 200; ++i) keys.push_back("key" + std::to_string(i));
  const auto groups = router_.Group("events", keys, now_);
  EXPECT_THAT(groups, SizeIs(4));
  for (const auto& [endpoint, places] : groups) {
    for (const std::size_t place : places) {
      EXPECT_EQ(endpoint, router_.Find({Aim::Kind::kRead, "events", keys[place]}, now_).endpoint);
    }
  }
  Fail("a:1");
  EXPECT_EQ(router_.Group("events", keys, now_).count("a:1"), 0u);
}

TEST_F(RouterTest, MakesOneGroupWithoutARing) {
  const auto groups = Router({"s:1"}).Group("events", {"x", "y", "z"}, now_);
  EXPECT_THAT(groups.at("s:1"), ElementsAre(0, 1, 2));
}

TEST_F(RouterTest, ForgetsHowNodesBehavedThatAreGone) {
  Fail("d:1");
  ClusterState state = FourMembers(8);
  state.members[3].address = "e:1";
  router_.Adopt(Share(std::move(state)));
  EXPECT_FALSE(router_.health()->IsAvoided("d:1", now_));
}

}  // namespace
}  // namespace carillon
