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
  ExpectClean("cluster", Seeds(80));
}

TEST(ClusterSimTest, LosesNothingWhileHomesAreAway) {
  ExpectClean("cluster-hints", Seeds(60));
}

TEST(ClusterSimTest, LosesNothingWhileTheRingChanges) {
  ExpectClean("cluster-moves", Seeds(30));
}

TEST(ClusterSimTest, SucceedsInTimeWhileOneNodeIsAway) {
  ExpectClean("cluster-one-away", Seeds(60));
}

TEST(ClusterSimTest, KeepsAQuorumOfHomesWhileTheRingChangesAndAllIsLate) {
  ExpectClean("cluster-fences", Seeds(15));
}

// Each of these rules is needed: without it a promise is broken within these seeds.
TEST(ClusterSimTest, NoticesABrokenRule) {
  struct Case {
    std::string_view scenario;
    const char* mutation;
    std::uint64_t first_seed;
  };
  for (const Case& one :
       {Case{"cluster-hints", "not_found_believed", 1},
        Case{"cluster-hints", "ack_before_write", 1}, Case{"cluster-hints", "drop_hint_early", 52},
        Case{"cluster-hints", "drop_unchecked", 42}}) {
    bool noticed = false;
    for (std::uint64_t seed = one.first_seed; seed < one.first_seed + 6 && !noticed; ++seed) {
      noticed = !RunSeed(one.scenario, seed, one.mutation).violations.empty();
    }
    EXPECT_TRUE(noticed) << one.scenario << " --mutation " << one.mutation;
  }
}

TEST(ClusterSimTest, RunsTheSameForTheSameSeed) {
  for (const std::string_view scenario : {"cluster", "cluster-moves"}) {
    EXPECT_EQ(RunSeed(scenario, 5).trace_hash, RunSeed(scenario, 5).trace_hash);
  }
  EXPECT_NE(RunSeed("cluster", 5).trace_hash, RunSeed("cluster", 6).trace_hash);
}

}  // namespace
}  // namespace carillon
