#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <vector>

#include "ring/cluster_state.h"

// How partitions go to their targets, version by version:
//
//   STABLE --target--> DUAL --all ready--> READNEW --all ready--> STABLE, homes = next
//
// Those of `next` that are homes already, of every bucket for which they will be, need not say that
// they are ready (ReplicaRules::MustGet). Pure.
namespace carillon {

// The version after `state` that takes every partition one step further that can go: what is ready
// is promoted, and those with a target start, in their order, while fewer than `max_moving`
// are DUAL or READNEW. A target that equals the homes is dropped. A leaving member that no list
// names any more is forgotten, if it `may_go` (empty: all may): it may be the only one that has
// what it took for others. Rules of buckets have settled when all homes say so
// (settling.h). Paused: nothing starts, the rest goes on. Who ever is asked gives the
// same answer, but for who may go. nullopt: nothing can be done now. Cost:
// O(partitions * homes), and an encoding of the state.
using MayGo = std::function<bool(const Member&)>;
std::optional<ClusterState> NextStep(const ClusterState& state, std::size_t max_moving,
                                     const MayGo& may_go = {});

// The version after `state` in which `node` is done with `phase` (kDual: it has pulled everything;
// kReadNew: it has verified) of those of the `partitions` that are in that phase with it in `next`.
// FAILED_PRECONDITION: of none, or it has said so of all before: the state changes nothing.
// NOT_FOUND: no such member. INVALID_ARGUMENT: kStable.
StatusOr<ClusterState> WithReady(const ClusterState& state, const NodeId& node,
                                 const std::vector<PartitionId>& partitions, Phase phase);

}  // namespace carillon
