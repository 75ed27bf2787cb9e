#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "ring/cluster_state.h"
#include "ring/state_keeper.h"

// What one node sees of its cluster, for people and for their tools. Plain data.
namespace carillon {

enum class Health : std::uint8_t {
  kAlive,
  kSuspect,   // did not answer; has some time left to say that it is alive
  kDead,      // did not say so in time
  kLeft,      // said itself that it stops
  kDegraded,  // alive by its gossip, and requests to it fail
};
std::string_view ToString(Health health);

// A second process of a node is shown so long after it was last noticed.
inline constexpr Duration kShowDuplicates = std::chrono::minutes(1);

struct MemberHealth {
  NodeId node;
  Health health = Health::kAlive;
  Duration since{0};    // believed for so long; 0: for as long as the viewer runs
  Duration latency{0};  // of requests to it, smoothed; 0: none was answered yet
  // Two processes were seen to run as it, so long ago; nullopt: not lately (kShowDuplicates).
  std::optional<Duration> duplicate;
};

// A pull under way: the viewer copies what it lacks of a partition from another node.
struct PullView {
  PartitionId partition;
  NodeId source;
  std::string reason;       // move, handoff, anti-entropy
  std::uint64_t hours = 0;  // (bucket, hour)s that differ
  std::uint64_t hours_done = 0;
  std::uint64_t chunks = 0;
  std::uint64_t bytes = 0;
  Duration running{0};
};

struct ClusterView {
  std::shared_ptr<const ClusterState> state;  // never null
  NodeId viewer;
  std::vector<MemberHealth> health;  // of each member, in the order of the state
  std::vector<PullView> pulls;       // of the viewer only
  std::size_t pulls_waiting = 0;
  std::vector<PartitionId> foreign;  // held by the viewer, which is no home of them; ascending
  std::vector<StateRecord> history;  // of the viewer, oldest first
  std::string frozen;                // why the ring cannot change; empty: it can
  std::string refusal;               // why the viewer must not act as its node; empty: it may
  std::vector<NodeId> voters;

  // Requires: index of a member.
  const MemberHealth& HealthOf(std::size_t member) const { return health[member]; }
};

// Alive, and requests to it succeed.
inline bool IsWell(const MemberHealth& health) {
  return health.health == Health::kAlive;
}

// A member by its name, or by its node id. NOT_FOUND names it.
StatusOr<NodeId> FindMemberNamed(const ClusterState& state, std::string_view name_or_uuid);

}  // namespace carillon
