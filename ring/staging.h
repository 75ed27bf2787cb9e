#pragma once

#include <string>

#include "ring/cluster_state.h"

// What an admin wants of the ring, before it is planned: from one version of the cluster state to
// the next. Nothing here changes who owns what. Pure.
namespace carillon {

// The version after `state` with a member that joins: its role is kJoining whatever `member` says,
// and kJoin is staged for it. A saved plan is void.
// ALREADY_EXISTS: that very member (node, name, and address) is here already, in any role: the
//   caller can take it for done ("n4 is a member already"); or its name, address, or node id
//   belongs to another ("the name n4 is taken by ..."). IsMember tells the two apart.
// INVALID_ARGUMENT: no node id, or name, address, rack, weight. RESOURCE_EXHAUSTED: kMaxMembers.
StatusOr<ClusterState> WithJoining(const ClusterState& state, Member member);

// Whether a member has this node id, name, and address.
bool IsMember(const ClusterState& state, const Member& member);

// The version after `state` with another address of a member. A plan stays as it is.
// NOT_FOUND: no such member. ALREADY_EXISTS: it has this address already, or another member has.
// INVALID_ARGUMENT: empty or longer than kMaxAddressBytes.
StatusOr<ClusterState> WithAddress(const ClusterState& state, const NodeId& node,
                                   const std::string& address);

// The version after `state` with one more staged change; fields its kind does not use are dropped.
// A saved plan is void. kWeight and kRack take the place of an earlier one of the same node;
// kReplace takes the place of the other's kJoin. What is staged may be staged while partitions
// move; it cannot be planned then. NOT_FOUND: no such member. INVALID_ARGUMENT: weight, rack.
// ALREADY_EXISTS: the same is staged already. RESOURCE_EXHAUSTED: kMaxStagedChanges.
// FAILED_PRECONDITION: the member's role does not allow it (kJoin and kReplace's other: joining;
//   kLeave, kReplace, kRemove: normal; kWeight, kRack: not leaving); it is staged to go already; no
//   normal member would be left; a split beyond kMaxPartitionBits.
StatusOr<ClusterState> WithStaged(const ClusterState& state, const StagedChange& change);

// The same of a kReplace whose node is dead: besides, it is given up (its weight becomes 0), since
// it will hand off nothing any more.
StatusOr<ClusterState> WithDeadReplaced(const ClusterState& state, const StagedChange& replace);

// The version after `state` without staged changes and plan. Joining members stay, unstaged:
// kJoin stages one again, WithMemberForgotten drops it.
// FAILED_PRECONDITION: nothing is staged or planned.
StatusOr<ClusterState> WithStagedCleared(const ClusterState& state);

// The version after `state` without a joining member, and what is staged of it; a plan is void.
// Likewise without a leaving member that owns nothing any more: what it holds for others, and has
// not handed off, is given up. NOT_FOUND. FAILED_PRECONDITION: it is neither.
StatusOr<ClusterState> WithMemberForgotten(const ClusterState& state, const NodeId& node);

// The members as a commit of what is staged makes them: same order, other roles, weights, racks.
// kJoin: normal. kLeave: leaving. kRemove: leaving, with weight 0: it is dead for good, and nobody
// waits for what it has (IsGoneForGood). kReplace: other normal, with the weight and rack that
// are its own, and node leaving.
std::vector<Member> MembersWhenCommitted(const ClusterState& state);

}  // namespace carillon
