#pragma once

#include <cstdint>

#include "ring/cluster_state.h"

// Members come and go by index; every list of the state follows.
namespace carillon {

// Puts `member` in its place by node id, and shifts the indexes in placement and plan.
// Requires: no member has its node id; there are fewer than kMaxMembers.
void InsertMember(ClusterState* state, Member member);

// Whether a partition's homes, next, or target name the member.
bool OwnsOrWillOwn(const ClusterState& state, std::uint16_t index);

// Takes a member out, with the staged changes that name it; a plan is void.
// Requires: !OwnsOrWillOwn(*state, index).
void EraseMember(ClusterState* state, std::uint16_t index);

}  // namespace carillon
