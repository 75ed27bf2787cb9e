#pragma once

#include <string>
#include <vector>

#include "ring/cluster_state.h"

// How a bucket comes to another rule (n_val, w) and a LIST still misses nothing:
//
//   rule A --changed--> settling from A to B --every home is ready--> rule B
//
// What is acknowledged by A is where A says; of the homes by B some have none of it. While rules
// settle a write is acknowledged when both rules are satisfied, and a read asks as many homes as
// either demands: so it finds what was written by A alone, by both, and by B alone. A change makes
// all partitions `changed`, so that who knows it refuses what is asked by A alone. A home is ready
// when it has pulled, since the change, from so many homes as a read by A asks: it has all that was
// acknowledged by A then, and nobody writes by A alone through it any more. When all homes, those
// of partitions that move too, are ready, B holds.
//
// Until then the rule before is what counts: B may be changed to C at any time, and to A at once.
// Nothing of moves waits for this; who becomes a home meanwhile pulls as A demands
// (replica_rules.h). A home that is down holds it up until it is back, or no home any more. Pure.
namespace carillon {

// For one that has just changed the rule of `bucket` from `before` in `next`: what it was before
// that goes on to count. Whoever was ready is to become so again, for all buckets that settle.
void BeginToSettle(const std::string& bucket, const ReplicaRule& before, ClusterState* next);

// The version after `state` in which `node` has pulled, for all of its partitions, what was
// acknowledged by the rules before. `since`: the change after which it pulled.
// FAILED_PRECONDITION: nothing settles since then, or it has said so. NOT_FOUND: no such member.
StatusOr<ClusterState> WithSettled(const ClusterState& state, const NodeId& node,
                                   StateVersion since);

// Members of `homes` or `next` of a partition that are not ready, ascending; empty when nothing
// settles.
std::vector<std::uint16_t> WaitsToSettle(const ClusterState& state);
// Whether rules settle and nobody is waited for.
bool HaveAllSettled(const ClusterState& state);

// Parts of Validate and ValidateStep. INVALID_ARGUMENT says what is wrong.
Status CheckSettling(const ClusterState& state);
Status CheckSettlingStep(const ClusterState& state, const ClusterState& next);
// Whether a bucket of both has another rule.
bool HasNewRules(const ClusterState& state, const ClusterState& next);

}  // namespace carillon
