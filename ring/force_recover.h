#pragma once

#include <vector>

#include "ring/cluster_state.h"

// The way out when a majority of the voters is gone for good.
namespace carillon {

struct RecoveredState {
  ClusterState state;
  std::vector<PartitionId> lost;  // had no survivor among homes and next homes: data are gone
};

// The version after `state`, of the next generation, in which only `survivors` are members. It is
// not voted on: it is put in force on one survivor and spreads from there (state_keeper.h), and
// whoever is no survivor is refused for ever. So the others must be destroyed, or made anew.
//
// Homes that are gone leave the lists; a partition that loses all its homes goes to its surviving
// next homes, or else to survivors in turn (then it is in `lost`). All partitions count as changed,
// which fences every request of the old generation. Plans, staged changes, and moves not begun are
// dropped. Pure.
//
// Requires: `state` is the newest that any survivor has, `change` is random.
// INVALID_ARGUMENT: a survivor is no member, or is there twice, or none of them is a voter.
StatusOr<RecoveredState> ForceRecover(const ClusterState& state,
                                      const std::vector<NodeId>& survivors, const Uuid& change);

}  // namespace carillon
