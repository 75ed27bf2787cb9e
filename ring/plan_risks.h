#pragma once

#include <string>
#include <vector>

#include "ring/change_plan.h"

// What may go wrong with a plan: used by MakePlan (change_plan.h), which says what is refused.
namespace carillon {

bool IsStaged(const ClusterState& state, StagedChange::Kind kind);

// As placement sees them: only normal members own something.
std::vector<PlacementMember> PlacementMembers(const std::vector<Member>& members);

// FAILED_PRECONDITION names the first partition that some new home could not copy from enough
// sources. OK if facts.accept_loss.
Status CheckSources(const ClusterState& state, const PlanFacts& facts, const ChangePlan& plan);

// Sentences for people, without a full stop: what is not refused, but should be known.
std::vector<std::string> RisksOf(const ClusterState& state, const PlanFacts& facts,
                                 const ChangePlan& plan);

}  // namespace carillon
