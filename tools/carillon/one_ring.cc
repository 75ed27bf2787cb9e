#include "tools/carillon/one_ring.h"

#include <algorithm>

namespace carillon {
namespace {

bool IsRingOf(const ClusterState& state, std::size_t nodes) {
  const auto owns = [](const Member& member) { return member.role == MemberRole::kNormal; };
  return state.members.size() >= nodes && state.staged.empty() && !state.IsMoving() &&
         std::all_of(state.members.begin(), state.members.end(), owns);
}

}  // namespace

StatusOr<bool> AdvanceToOneRing(ClusterAdmin* admin, std::size_t nodes, StateVersion* committed) {
  ASSIGN_OR_RETURN(const ClusterView view, admin->View());
  const ClusterState& state = *view.state;
  if (state.version < *committed) return false;
  if (IsRingOf(state, nodes)) return true;
  if (state.members.size() < nodes || state.staged.empty() || state.IsMoving()) return false;
  ASSIGN_OR_RETURN(const PlannedChange planned, admin->Plan(false, false));
  ASSIGN_OR_RETURN(*committed, admin->Commit(planned.id));
  return false;
}

}  // namespace carillon
