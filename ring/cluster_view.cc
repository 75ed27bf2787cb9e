#include "ring/cluster_view.h"

namespace carillon {

std::string_view ToString(Health health) {
  switch (health) {
    case Health::kAlive:
      return "alive";
    case Health::kSuspect:
      return "suspect";
    case Health::kDead:
      return "dead";
    case Health::kLeft:
      return "left";
    case Health::kDegraded:
      return "degraded";
  }
  return "?";
}

StatusOr<NodeId> FindMemberNamed(const ClusterState& state, std::string_view name_or_uuid) {
  for (const Member& member : state.members) {
    if (member.name == name_or_uuid) return member.node;
  }
  const auto uuid = ParseUuid(name_or_uuid);
  if (uuid.ok() && state.FindMember(NodeId(*uuid)) != nullptr) return NodeId(*uuid);
  return NotFound("no member '{}'", name_or_uuid);
}

}  // namespace carillon
