#include "ring/replica_rules.h"

#include <gtest/gtest.h>

#include <set>

#include "tests/ring/ring_builder.h"

namespace carillon {
namespace {

// Partitions of five members; one bucket of n_val 3, w 2, and what a test adds.
class ReplicaRulesTest : public testing::Test {
 protected:
  ReplicaRulesTest() : state_(RingOf(5)) { state_.buckets = {{"three", {.n_val = 3, .w = 2}}}; }

  static PartitionHomes Moving(HomeList homes, HomeList next) {
    return {.homes = std::move(homes), .next = std::move(next), .phase = Phase::kDual};
  }
  bool MustGet(const HomeList& homes, const HomeList& next, std::uint16_t member) const {
    return ReplicaRules(state_).MustGet(Moving(homes, next), member);
  }
  bool HasEnough(const HomeList& homes, const HomeList& next, std::uint16_t member,
                 const std::set<std::uint16_t>& pulled,
                 const std::set<std::uint16_t>& gone = {}) const {
    return ReplicaRules(state_).HasEnough(
        Moving(homes, next), member, [&](std::uint16_t home) { return pulled.contains(home); },
        [&](std::uint16_t home) { return gone.contains(home); });
  }
  bool AreDurable(const HomeList& homes, const std::set<std::uint16_t>& having) const {
    return ReplicaRules(state_).AreDurable(
        homes, [&](std::uint16_t home) { return having.contains(home); });
  }

  ClusterState state_;
};

TEST_F(ReplicaRulesTest, ANewHomeGetsDataAndOneThatStaysDoesNot) {
  EXPECT_TRUE(MustGet({0, 1, 2}, {0, 1, 3}, 3));
  EXPECT_FALSE(MustGet({0, 1, 2}, {0, 1, 3}, 0));
  EXPECT_FALSE(MustGet({0, 1, 2}, {0, 1, 3}, 2));
  EXPECT_FALSE(MustGet({0, 1, 2}, {2, 1, 0}, 2));
}

TEST_F(ReplicaRulesTest, AHomeThatMovesUpGetsTheBucketsThatItHadNot) {
  state_.buckets["one"] = {.n_val = 1};
  EXPECT_TRUE(MustGet({0, 1, 2}, {2, 1, 0}, 2));
  EXPECT_FALSE(MustGet({0, 1, 2}, {2, 1, 0}, 1));
  state_.buckets["two"] = {.n_val = 2};
  EXPECT_TRUE(MustGet({0, 1, 2}, {0, 2, 1}, 2));
}

TEST_F(ReplicaRulesTest, WhenHomesBecomeFewerThoseThatStayGetWhatTheyMayLack) {
  EXPECT_TRUE(MustGet({0, 1, 2}, {1, 2}, 1));
  EXPECT_FALSE(HasEnough({0, 1, 2}, {1, 2}, 1, {}));
  EXPECT_TRUE(HasEnough({0, 1, 2}, {1, 2}, 1, {2}));
  EXPECT_TRUE(HasEnough({0, 1}, {1}, 1, {}, {0}));  // w was 2 of 2: it has everything
}

TEST_F(ReplicaRulesTest, AStablePartitionGetsNothing) {
  EXPECT_FALSE(ReplicaRules(state_).MustGet({.homes = {0, 1, 2}}, 1));
}

TEST_F(ReplicaRulesTest, SourcesAreCountedForEachBucketAmongItsOwnHomes) {
  EXPECT_FALSE(HasEnough({0, 1, 2}, {3, 1, 2}, 3, {1}));
  EXPECT_TRUE(HasEnough({0, 1, 2}, {3, 1, 2}, 3, {1, 2}));
  state_.buckets["two"] = {.n_val = 2, .w = 1};
  EXPECT_FALSE(HasEnough({0, 1, 2}, {3, 1, 2}, 3, {1, 2}));
  EXPECT_TRUE(HasEnough({0, 1, 2}, {3, 1, 2}, 3, {0, 1}));
  EXPECT_TRUE(HasEnough({0, 1, 2}, {1, 2, 3}, 3, {1, 2}));  // it will not have that bucket
}

TEST_F(ReplicaRulesTest, OfBucketsOfOneSizeTheOneWithTheLeastAcknowledgementsCounts) {
  state_.buckets["all"] = {.n_val = 3, .w = 3};
  EXPECT_FALSE(HasEnough({0, 1, 2}, {3, 1, 2}, 3, {2}));
  state_.buckets.erase("three");
  EXPECT_TRUE(HasEnough({0, 1, 2}, {3, 1, 2}, 3, {2}));
}

TEST_F(ReplicaRulesTest, NobodyWaitsForAHomeThatIsGone) {
  state_.buckets["one"] = {.n_val = 1};
  EXPECT_FALSE(HasEnough({0, 1, 2}, {3, 1, 2}, 3, {1, 2}));
  EXPECT_TRUE(HasEnough({0, 1, 2}, {3, 1, 2}, 3, {1, 2}, {0}));
  EXPECT_FALSE(HasEnough({0, 1, 2}, {3, 1, 2}, 3, {}, {0, 1, 2}));
}

TEST_F(ReplicaRulesTest, DataAreDurableWhenEachBucketHasItsAcknowledgementsAmongItsOwnHomes) {
  EXPECT_FALSE(AreDurable({0, 1, 2}, {2}));
  EXPECT_TRUE(AreDurable({0, 1, 2}, {1, 2}));
  state_.buckets["one"] = {.n_val = 1};
  EXPECT_FALSE(AreDurable({0, 1, 2}, {1, 2}));
  EXPECT_TRUE(AreDurable({0, 1, 2}, {0, 2}));
  state_.buckets["two"] = {.n_val = 2, .w = 2};
  EXPECT_FALSE(AreDurable({0, 1, 2}, {0, 2}));
  EXPECT_TRUE(AreDurable({0}, {0}));
  EXPECT_TRUE(AreDurable({}, {}));
}

TEST_F(ReplicaRulesTest, WithoutBucketsOneMustHaveIt) {
  state_.buckets.clear();
  EXPECT_FALSE(AreDurable({0, 1}, {}));
  EXPECT_TRUE(AreDurable({0, 1}, {1}));
  EXPECT_FALSE(HasEnough({0, 1}, {2}, 2, {}));
  EXPECT_TRUE(HasEnough({0, 1}, {2}, 2, {1}));
}

}  // namespace
}  // namespace carillon
