#include "tests/sim/cluster/cluster_scenario.h"

#include "base/check.h"
#include "tests/sim/cluster/cluster_world.h"
#include "tests/sim/support/quiet_log.h"

namespace carillon {
namespace {

struct NamedMutation {
  std::string_view name;
  bool NodeMutations::*rule;
};
constexpr NamedMutation kMutations[] = {
    {"no_fence", &NodeMutations::no_fence},
    {"snapshot_before_fence", &NodeMutations::snapshot_before_fence},
    {"ack_after_fence", &NodeMutations::ack_after_fence},
    {"one_source", &NodeMutations::one_source},
    {"drop_hint_early", &NodeMutations::drop_hint_early},
    {"dual_acks_old_only", &NodeMutations::dual_acks_old_only},
    {"settles_at_once", &NodeMutations::settles_at_once},
    {"reads_by_new_rule", &NodeMutations::reads_by_new_rule},
    {"settles_unpulled", &NodeMutations::settles_unpulled},
    {"not_found_believed", &NodeMutations::not_found_believed},
    {"taken_by_one", &NodeMutations::taken_by_one},
    {"new_homes_not_told", &NodeMutations::new_homes_not_told},
    {"sync_overrides_votes", &NodeMutations::sync_overrides_votes},
};
constexpr std::string_view kAckBeforeWrite = "ack_before_write";
constexpr std::string_view kDropUnchecked = "drop_unchecked";

SimResult RunWorld(std::uint64_t seed, const SimOptions& options, const ClusterSettings& settings) {
  if (!options.verbose) QuietLog();
  ClusterWorld world(seed, settings, ClusterMutationsOf(options.mutation), options.verbose);
  return world.Run();
}

SimResult RunAll(std::uint64_t seed, const SimOptions& options) {
  return RunWorld(seed, options,
                  {.admin_every_ms = seed % 3 == 0 ? 0u : 1500u,
                   .wipes = seed % 4 == 1,
                   .bucket_changes = seed % 5 == 2,
                   .slow_anti_entropy = seed % 2 == 0});
}

SimResult RunHints(std::uint64_t seed, const SimOptions& options) {
  return RunWorld(seed, options,
                  {.nodes_least = 4,
                   .storm_seconds = 20,
                   .writes_per_second = 15,
                   .fault_every_ms = 700,
                   .wipes = seed % 2 == 0,
                   .slow_anti_entropy = true});
}

// A node that reaches two others no more, while all else goes on; or two nodes that nobody reaches,
// for so long that those who stand in for them would like to be rid of what they took.
SimResult RunTwoAway(std::uint64_t seed, const SimOptions& options) {
  using TwoAway = ClusterSettings::TwoAway;
  const bool from_all = seed % 2 == 0;
  return RunWorld(seed, options,
                  {.nodes_least = from_all ? 5u : 4u,
                   .nodes_most = from_all ? 5u : 4u,
                   .storm_seconds = 49,
                   .writes_per_second = from_all ? 16u : 2u,
                   .writes_at_offers = !from_all,
                   .burst_ms = from_all ? 4000u : 0u,
                   .burst_every_ms = 16'000u,
                   .cuts = false,
                   .two_away = from_all ? TwoAway::kFromAll : TwoAway::kFromOne,
                   .late_ms = from_all ? 40u : 150u,
                   .slow_anti_entropy = true});
}

SimResult RunMoves(std::uint64_t seed, const SimOptions& options) {
  return RunWorld(seed, options,
                  {.nodes_least = 4,
                   .nodes_most = 6,
                   .writes_per_second = 20,
                   .fault_every_ms = seed % 2 == 0 ? 1000u : 3000u,
                   .admin_every_ms = 500,
                   .slow_anti_entropy = true});
}

SimResult RunFences(std::uint64_t seed, const SimOptions& options) {
  return RunWorld(seed, options,
                  {.nodes_least = 5,
                   .nodes_most = 6,
                   .storm_seconds = 8,
                   .writes_per_second = 30,
                   .fault_every_ms = 0,
                   .admin_every_ms = 150,
                   .crashes = false,
                   .cuts = false,
                   .slow_disks = false,
                   .late_ms = 40,
                   .nobody_away = true,
                   .slow_anti_entropy = true});
}

// As fences, but partitions get other homes all the time, some nodes hear of that late, and
// nobody is so late that a fallback is asked.
SimResult RunShuffles(std::uint64_t seed, const SimOptions& options) {
  return RunWorld(seed, options,
                  {.nodes_least = 7,
                   .nodes_most = 7,
                   .storm_seconds = 8,
                   .writes_per_second = 60,
                   .fault_every_ms = 0,
                   .admin_every_ms = 150,
                   .crashes = false,
                   .cuts = false,
                   .slow_disks = false,
                   .late_ms = 4,
                   .late_news_ms = 140,
                   .slow_writes_ms = 80,
                   .shuffles = true,
                   .nobody_away = true,
                   .slow_anti_entropy = true});
}

// The same with buckets that use fewer homes than others: one of n_val 1, one of n_val 2 and w 1.
SimResult RunSizes(std::uint64_t seed, const SimOptions& options) {
  return RunWorld(seed, options,
                  {.nodes_least = 6,
                   .nodes_most = 7,
                   .storm_seconds = 8,
                   .writes_per_second = 60,
                   .fault_every_ms = 0,
                   .admin_every_ms = 150,
                   .crashes = false,
                   .cuts = false,
                   .slow_disks = false,
                   .all_sizes = true,
                   .late_ms = 4,
                   .late_news_ms = seed % 2 == 0 ? 140u : 0u,
                   .slow_writes_ms = 80,
                   .shuffles = seed % 3 != 0,
                   .nobody_away = true,
                   .slow_anti_entropy = true});
}

// One partition moves at a time, as a write into it is under way (fence_script.h).
SimResult RunFenceScript(std::uint64_t seed, const SimOptions& options) {
  return RunWorld(seed, options,
                  {.nodes_least = 7,
                   .nodes_most = 7,
                   .storm_seconds = 33,
                   .writes_per_second = 0,
                   .fault_every_ms = 0,
                   .crashes = false,
                   .cuts = false,
                   .slow_disks = false,
                   .all_sizes = true,
                   .late_ms = 4,
                   .fence_script = true,
                   .nobody_away = true,
                   .slow_anti_entropy = true});
}

// n_val and w of buckets go up and down while data flow in. Either nobody is away, and a LIST must
// miss nothing; or nodes crash and are cut off as in `cluster`, and all must be there in the end.
SimResult RunRules(std::uint64_t seed, const SimOptions& options) {
  const bool faults = seed % 4 == 3;
  return RunWorld(seed, options,
                  {.nodes_least = faults ? 4u : 5u,
                   .nodes_most = 6,
                   .storm_seconds = faults ? 25u : 10u,
                   .writes_per_second = faults ? 15u : 60u,
                   .fault_every_ms = faults ? 1500u : 0u,
                   .admin_every_ms = seed % 2 == 0 ? 700u : 300u,
                   .crashes = faults,
                   .cuts = faults,
                   .slow_disks = faults,
                   .rule_changes = true,
                   .all_sizes = true,
                   .late_ms = 4,
                   .late_news_ms = seed % 3 == 0 ? 140u : 0u,
                   .slow_writes_ms = 80,
                   .shuffles = seed % 5 < 2,
                   .nobody_away = !faults,
                   .slow_anti_entropy = true});
}

SimResult RunOneAway(std::uint64_t seed, const SimOptions& options) {
  return RunWorld(seed, options,
                  {.nodes_least = 4,
                   .cuts = false,
                   .slow_disks = false,
                   .clock_jumps = false,
                   .one_away = true});
}

// A hundred nodes, or a thousand, each with a disk of its own; one is away at any time.
ClusterSettings Many(std::uint64_t nodes, std::uint32_t partition_bits, std::uint64_t writes) {
  return {.nodes_least = nodes,
          .nodes_most = nodes,
          .partition_bits = partition_bits,
          .storm_seconds = 30,
          .writes_per_second = writes,
          .cuts = false,
          .slow_disks = false,
          .clock_jumps = false,
          .one_away = true,
          .many = true};
}

SimResult RunHundred(std::uint64_t seed, const SimOptions& options) {
  return RunWorld(seed, options, Many(100, 10, 100));
}

SimResult RunThousand(std::uint64_t seed, const SimOptions& options) {
  return RunWorld(seed, options, Many(1000, kMaxPartitionBits, 300));
}

// Owners that want the same ids, while nodes crash, are cut off, come and go.
SimResult RunClaims(std::uint64_t seed, const SimOptions& options) {
  return RunWorld(seed, options,
                  {.nodes_least = 3,
                   .nodes_most = 6,
                   .storm_seconds = 20,
                   .writes_per_second = 4,
                   .claims_per_second = 25,
                   .fault_every_ms = seed % 3 == 0 ? 700u : 2500u,
                   .admin_every_ms = seed % 2 == 0 ? 700u : 0u,
                   .wipes = seed % 4 == 1,
                   .slow_anti_entropy = seed % 5 == 0});
}

// The same while partitions get other homes all the time, up to three at once, and news is late.
SimResult RunClaimShuffles(std::uint64_t seed, const SimOptions& options) {
  return RunWorld(seed, options,
                  {.nodes_least = 6,
                   .nodes_most = 7,
                   .storm_seconds = 8,
                   .writes_per_second = 4,
                   .claims_per_second = 100,
                   .fault_every_ms = seed % 2 == 0 ? 0u : 1500u,
                   .admin_every_ms = 150,
                   .crashes = seed % 4 == 1,
                   .clock_jumps = false,
                   .late_ms = 8,
                   .late_news_ms = 140,
                   .slow_writes_ms = 80,
                   .shuffles = true,
                   .slow_anti_entropy = true});
}

}  // namespace

ClusterMutations ClusterMutationsOf(std::string_view name) {
  ClusterMutations mutations;
  if (name.empty()) return mutations;
  for (const NamedMutation& mutation : kMutations) {
    if (mutation.name == name) mutations.node.*mutation.rule = true;
  }
  mutations.ack_before_write = name == kAckBeforeWrite;
  mutations.drop_unchecked = name == kDropUnchecked;
  CHECK(mutations != ClusterMutations{});
  return mutations;
}

std::vector<Scenario> ClusterScenarios() {
  std::vector<Scenario> scenarios = {
      {.name = "cluster", .help = "nodes and stores: faults, moves, admins", .run = RunAll},
      {.name = "cluster-hints", .help = "homes that are away, fallbacks", .run = RunHints},
      {.name = "cluster-two-away", .help = "two nodes cut off, fallbacks", .run = RunTwoAway},
      {.name = "cluster-moves", .help = "a ring that changes all the time", .run = RunMoves},
      {.name = "cluster-fences", .help = "a ring that changes, all is late", .run = RunFences},
      {.name = "cluster-shuffles", .help = "all homes change, news is late", .run = RunShuffles},
      {.name = "cluster-sizes", .help = "buckets that use fewer homes", .run = RunSizes},
      {.name = "cluster-fence-script", .help = "writes as homes go", .run = RunFenceScript},
      {.name = "cluster-rules", .help = "n_val and w of buckets change", .run = RunRules},
      {.name = "cluster-claims", .help = "owners that want the same ids", .run = RunClaims},
      {.name = "cluster-claim-shuffles", .help = "as all homes change", .run = RunClaimShuffles},
      {.name = "cluster-one-away", .help = "one node away: all succeeds", .run = RunOneAway},
      {.name = "cluster-hundred", .help = "100 nodes, one away", .run = RunHundred},
      {.name = "cluster-thousand", .help = "1,000 nodes, one away", .run = RunThousand},
  };
  for (Scenario& scenario : scenarios) {
    for (const NamedMutation& mutation : kMutations) scenario.mutations.push_back(mutation.name);
    scenario.mutations.push_back(kAckBeforeWrite);
    scenario.mutations.push_back(kDropUnchecked);
  }
  return scenarios;
}

}  // namespace carillon
