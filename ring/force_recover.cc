#include "ring/force_recover.h"

#include <algorithm>
#include <optional>

namespace carillon {
namespace {

using Indexes = std::vector<std::uint16_t>;
using NewIndexes = std::vector<std::optional<std::uint16_t>>;  // by old index; nullopt: gone

Indexes Surviving(const Indexes& before, const NewIndexes& now) {
  Indexes after;
  for (const std::uint16_t index : before) {
    if (now[index]) after.push_back(*now[index]);
  }
  return after;
}

// Its homes are empty when nobody is left.
PartitionHomes Surviving(const PartitionHomes& before, const NewIndexes& now,
                         StateVersion version) {
  PartitionHomes after;
  after.changed = version;
  after.homes = Surviving(before.homes, now);
  after.next = Surviving(before.next, now);
  if (after.homes.empty()) after.homes = std::exchange(after.next, {});
  if (after.next.empty()) return after;
  after.phase = before.phase;
  after.ready = Surviving(before.ready, now);
  std::sort(after.ready.begin(), after.ready.end());
  return after;
}

// `count` members in turn, beginning with the `first`, of those that may own data.
Indexes InTurn(const ClusterState& state, std::size_t first, std::size_t count) {
  Indexes able;
  for (const MemberRole role : {MemberRole::kNormal, MemberRole::kLeaving}) {
    for (std::size_t i = 0; i < state.members.size(); ++i) {
      if (state.members[i].role == role) able.push_back(static_cast<std::uint16_t>(i));
    }
    if (!able.empty()) break;
  }
  Indexes chosen;
  for (std::size_t i = 0; i < std::min(count, able.size()); ++i) {
    chosen.push_back(able[(first + i) % able.size()]);
  }
  return chosen;
}

}  // namespace

StatusOr<RecoveredState> ForceRecover(const ClusterState& state,
                                      const std::vector<NodeId>& survivors, const Uuid& change) {
  std::vector<NodeId> nodes = survivors;
  std::sort(nodes.begin(), nodes.end());
  if (std::adjacent_find(nodes.begin(), nodes.end()) != nodes.end()) {
    return InvalidArgument("a survivor is named twice");
  }
  ClusterState next = NextVersionOf(state, fmt::format("recovered by {} survivors", nodes.size()));
  ++next.generation;
  next.change = change;
  next.members.clear();
  next.staged.clear();
  next.plan.reset();
  NewIndexes now(state.members.size());
  for (const NodeId& node : nodes) {
    const auto index = state.IndexOf(node);
    if (!index) return InvalidArgument("survivor {} is no member", node);
    now[*index] = static_cast<std::uint16_t>(next.members.size());
    next.members.push_back(state.members[*index]);
  }
  if (VotersOf(next).empty()) return InvalidArgument("none of the survivors is a voter");
  RecoveredState recovered;
  for (std::size_t p = 0; p < next.placement.size(); ++p) {
    PartitionHomes& partition = next.placement[p];
    partition = Surviving(state.placement[p], now, next.version);
    if (!partition.homes.empty()) continue;
    partition.homes = InTurn(next, recovered.lost.size(), next.MaxReplicas());
    recovered.lost.push_back(PartitionId(static_cast<std::uint16_t>(p)));
  }
  if (next.settling) {
    next.settling->since = next.version;
    next.settling->ready.clear();
  }
  RETURN_IF_ERROR(Validate(next));
  recovered.state = std::move(next);
  return recovered;
}

}  // namespace carillon
