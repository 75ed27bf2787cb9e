#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "ring/cluster_state.h"
#include "ring/placement.h"
#include "ring/staging.h"

// What a commit of the staged changes will do: who gets which partition, what it costs, what is at
// risk, and whether it may be done at all. Pure.
namespace carillon {

// What the shell knows and the cluster state does not. All of it may be missing.
struct PlanFacts {
  std::optional<std::vector<NodeId>> alive;     // nullopt: all are taken to be
  std::vector<std::uint64_t> partition_bytes;   // one copy, by today's partitions; empty: not known
  std::vector<PartitionId> partitions_unknown;  // their bytes are 0 there; ascending
  std::map<NodeId, std::uint64_t> free_bytes;   // who is not in it is not checked
  std::uint64_t sync_bytes_per_second = 0;      // that one member pulls; 0: not known
  // What cannot be copied any more is given up: a risk then, no refusal. For `remove` of a member
  // that had the only copy of something.
  bool accept_loss = false;
};

// Members here are indexes into the members of the state that was planned for.
struct PlannedMove {
  PartitionId partition;  // of the ring as it will be
  HomeList from;
  HomeList to;
  HomeList gains;  // in `to`, not in `from`; none: only the order changes
  HomeList loses;
  std::uint64_t bytes = 0;  // that all who gain it pull
};

struct PlannedMember {
  NodeId node;
  std::size_t copies_before = 0;  // of partitions of the ring as it will be
  std::size_t copies_after = 0;
  std::size_t primaries_before = 0;
  std::size_t primaries_after = 0;
  std::uint64_t bytes_gained = 0;
  std::uint64_t bytes_lost = 0;
  // At most so much more on its disks than now: all it gains, before it frees anything.
  std::uint64_t peak_bytes = 0;
  std::optional<std::uint64_t> free_bytes;  // of its disks together; nullopt: it did not say
};

struct ChangePlan {
  StateVersion made_from;
  HomeLists targets;                   // by partition of the ring as it will be
  std::vector<PlannedMove> moves;      // by partition; those whose homes or order change
  std::vector<PlannedMember> members;  // as in the state
  MoveCount copies;
  bool bytes_known = false;  // of any partition at all
  std::uint64_t bytes_moved = 0;
  std::uint64_t bytes_least = 0;  // what members have more after than before: it cannot be less
  // Until the member that gains most has it, at the rate at which members may pull; 0: not known,
  // or none.
  std::uint64_t seconds = 0;
  std::vector<std::string> risks;  // for people
};

// What a commit would do to `state`. A member that is alive and not staged for kRemove is a source
// of what it has. Every new home must find, for every bucket, n - w + 1 sources among the first n
// homes (all n, if there are fewer homes).
//
// FAILED_PRECONDITION, naming what: nothing is staged; partitions still move; no member is able to
// own; a partition has too few sources (unless accept_loss); a disk would overfill.
// INVALID_ARGUMENT: partition_bytes is not of this ring.
// Cost: PlacePartitions.
StatusOr<ChangePlan> MakePlan(const ClusterState& state, const PlanFacts& facts);

// The version after `state` with the plan saved for WithPlanCommitted(id); an earlier one is void.
// ABORTED: the plan was made from another version. INVALID_ARGUMENT: `id` is nil.
StatusOr<ClusterState> WithPlanSaved(const ClusterState& state, const ChangePlan& plan,
                                     const Uuid& id);

// The version after `state` in which members are as MembersWhenCommitted says, partitions are two
// each if a split was staged, and partitions whose homes shall change have targets. Nothing is
// staged or planned any more. Nothing has moved: NextStep (ownership.h) does that.
// ABORTED: no plan is saved, or another (the message names both), or the buckets' n_val have
//   changed since. FAILED_PRECONDITION: partitions still move.
StatusOr<ClusterState> WithPlanCommitted(const ClusterState& state, const Uuid& id);

// The version after `state` with moves paused or resumed: nothing new starts; what has begun goes
// on. FAILED_PRECONDITION: it is so already.
StatusOr<ClusterState> WithPaused(const ClusterState& state, bool paused);

// The version after `state` in which no partition moves that can still stay: targets are dropped,
// DUAL partitions are stable again with their homes, READNEW ones finish (what was read from the
// next homes must not be missed again). A leaving member is normal again if it has a partition
// then, or will when READNEW ones have finished; else it goes. Members that joined stay normal, a
// split stays split, weights, racks, staged changes, and pause stay as they are. What is unbalanced
// then waits for another plan (kRebalance, or the kLeave again). FAILED_PRECONDITION: no partition
// waits or is DUAL.
StatusOr<ClusterState> WithAborted(const ClusterState& state);

}  // namespace carillon
