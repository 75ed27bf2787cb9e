#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "base/status.h"
#include "tests/sim/cluster/cluster_scenario.h"
#include "tests/sim/scenario/scenario.h"

namespace carillon {
namespace {

// CARILLON_CLUSTER_SEEDS=5000 for longer: of each scenario.
std::uint64_t Seeds(std::uint64_t otherwise) {
  const char* wanted = std::getenv("CARILLON_CLUSTER_SEEDS");
  return wanted != nullptr ? std::strtoull(wanted, nullptr, 10) : otherwise;
}

SimResult RunSeed(std::string_view scenario, std::uint64_t seed, std::string mutation = "") {
  const Scenario* found = FindScenario(scenario);
  EXPECT_NE(found, nullptr);
  return found->run(seed, {.mutation = std::move(mutation)});
}

void ExpectClean(std::string_view scenario, std::uint64_t seeds) {
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    const SimResult result = RunSeed(scenario, seed);
    ASSERT_TRUE(result.violations.empty())
        << result.violations.front() << "\ncarillon-sim --scenario " << scenario << " --first-seed "
        << seed << " --seeds 1";
  }
}

TEST(ClusterSimTest, LosesNothingWhateverHappens) {
  ExpectClean("cluster", Seeds(50));
}

TEST(ClusterSimTest, LosesNothingWhileHomesAreAway) {
  ExpectClean("cluster-hints", Seeds(35));
}

TEST(ClusterSimTest, LosesNothingWhileTheRingChanges) {
  ExpectClean("cluster-moves", Seeds(15));
}

TEST(ClusterSimTest, SucceedsInTimeWhileOneNodeIsAway) {
  ExpectClean("cluster-one-away", Seeds(35));
}

TEST(ClusterSimTest, KeepsAQuorumOfHomesWhileTheRingChangesAndAllIsLate) {
  ExpectClean("cluster-fences", Seeds(15));
}

TEST(ClusterSimTest, KeepsAQuorumOfHomesWhileAllHomesChangeAndNewsIsLate) {
  ExpectClean("cluster-shuffles", Seeds(4));
}

TEST(ClusterSimTest, KeepsAQuorumOfItsOwnHomesForEachBucketWhileHomesChange) {
  ExpectClean("cluster-sizes", Seeds(3));
}

TEST(ClusterSimTest, AcknowledgesNoWriteThatHomesTakeAsTheyGo) {
  ExpectClean("cluster-fence-script", Seeds(10));
}

TEST(ClusterSimTest, ListsAllThatIsCommittedWhileRulesOfBucketsChange) {
  ExpectClean("cluster-rules", Seeds(8));
}

TEST(ClusterSimTest, LosesNothingWhileTwoAreCutOff) {
  ExpectClean("cluster-two-away", Seeds(16));
}

TEST(ClusterSimTest, GivesAnIdToOneOwnerWhateverHappens) {
  ExpectClean("cluster-claims", Seeds(5));
}

TEST(ClusterSimTest, GivesAnIdToOneOwnerWhileAllHomesChange) {
  ExpectClean("cluster-claim-shuffles", Seeds(3));
}

struct BrokenRule {
  std::string_view scenario;
  const char* mutation;
};
class BrokenRuleTest : public testing::TestWithParam<BrokenRule> {};

// Each of these rules is needed: a scenario notices without it at about every second seed
// (`reads_by_new_rule`: every tenth), so that so many are enough whatever else changes.
TEST_P(BrokenRuleTest, IsNoticed) {
  constexpr std::uint64_t kSeeds = 60;
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    if (!RunSeed(GetParam().scenario, seed, GetParam().mutation).violations.empty()) return;
  }
  FAIL() << "carillon-sim --scenario " << GetParam().scenario << " --mutation "
         << GetParam().mutation;
}

INSTANTIATE_TEST_SUITE_P(
    ClusterSim, BrokenRuleTest,
    testing::Values(BrokenRule{"cluster-two-away", "not_found_believed"},
                    BrokenRule{"cluster-two-away", "ack_before_write"},
                    BrokenRule{"cluster-two-away", "drop_hint_early"},
                    BrokenRule{"cluster-two-away", "drop_unchecked"},
                    BrokenRule{"cluster-shuffles", "no_fence"},
                    BrokenRule{"cluster-shuffles", "dual_acks_old_only"},
                    BrokenRule{"cluster-sizes", "one_source"},
                    BrokenRule{"cluster-fence-script", "snapshot_before_fence"},
                    BrokenRule{"cluster-fence-script", "ack_after_fence"},
                    BrokenRule{"cluster-rules", "settles_at_once"},
                    BrokenRule{"cluster-rules", "reads_by_new_rule"},
                    BrokenRule{"cluster-rules", "settles_unpulled"},
                    BrokenRule{"cluster-claims", "taken_by_one"},
                    BrokenRule{"cluster-claims", "sync_overrides_votes"},
                    BrokenRule{"cluster-claim-shuffles", "new_homes_not_told"}),
    [](const auto& one) { return std::string(one.param.mutation); });

TEST(ClusterSimTest, RunsTheSameForTheSameSeed) {
  for (const std::string_view scenario : {"cluster", "cluster-moves"}) {
    EXPECT_EQ(RunSeed(scenario, 5).trace_hash, RunSeed(scenario, 5).trace_hash);
  }
  EXPECT_NE(RunSeed("cluster", 5).trace_hash, RunSeed("cluster", 6).trace_hash);
}

}  // namespace
}  // namespace carillon
