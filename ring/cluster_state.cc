#include "ring/cluster_state.h"

#include <algorithm>

namespace carillon {

std::string_view ToString(MemberRole role) {
  switch (role) {
    case MemberRole::kJoining:
      return "joining";
    case MemberRole::kNormal:
      return "normal";
    case MemberRole::kLeaving:
      return "leaving";
  }
  return "?";
}

std::string_view ToString(Phase phase) {
  switch (phase) {
    case Phase::kStable:
      return "stable";
    case Phase::kDual:
      return "dual";
    case Phase::kReadNew:
      return "read-new";
  }
  return "?";
}

std::string_view ToString(StagedChange::Kind kind) {
  switch (kind) {
    case StagedChange::Kind::kJoin:
      return "join";
    case StagedChange::Kind::kLeave:
      return "leave";
    case StagedChange::Kind::kReplace:
      return "replace";
    case StagedChange::Kind::kRemove:
      return "remove";
    case StagedChange::Kind::kWeight:
      return "weight";
    case StagedChange::Kind::kRack:
      return "rack";
    case StagedChange::Kind::kSplit:
      return "split";
    case StagedChange::Kind::kRebalance:
      return "rebalance";
  }
  return "?";
}

const BucketProperties* ClusterState::FindBucket(const std::string& name) const {
  const auto found = buckets.find(name);
  return found == buckets.end() ? nullptr : &found->second;
}

std::optional<std::uint16_t> ClusterState::IndexOf(const NodeId& node) const {
  const auto found = std::lower_bound(
      members.begin(), members.end(), node,
      [](const Member& member, const NodeId& wanted) { return member.node < wanted; });
  if (found == members.end() || found->node != node) return std::nullopt;
  return static_cast<std::uint16_t>(found - members.begin());
}

const Member* ClusterState::FindMember(const NodeId& node) const {
  const auto index = IndexOf(node);
  return index ? &members[*index] : nullptr;
}

std::uint32_t ClusterState::MaxReplicas() const {
  std::uint32_t most = 1;
  for (const auto& [name, properties] : buckets) most = std::max(most, properties.n_val);
  return most;
}

bool ClusterState::IsMoving() const {
  return std::any_of(placement.begin(), placement.end(), [](const PartitionHomes& partition) {
    return partition.phase != Phase::kStable || !partition.target.empty();
  });
}

ClusterState FirstState(const Uuid& cluster, const Member& founder, std::uint32_t partition_bits) {
  ClusterState state;
  state.cluster = cluster;
  state.version = StateVersion(1);
  state.note = "founded";
  state.partition_bits = partition_bits;
  state.members = {founder};
  state.placement.assign(state.partitions(), PartitionHomes{.homes = {0}});
  state.buckets[kDefaultBucket] = {};
  state.buckets[kRollupsBucket] = {};
  return state;
}

ClusterState NextVersionOf(const ClusterState& state, std::string note) {
  ClusterState next = state;
  next.version = StateVersion(state.version.value() + 1);
  next.previous = HashOf(state);
  next.change = Uuid{};
  next.note = note.substr(0, kMaxNoteBytes);
  return next;
}

// Round the racks, so that the loss of one takes as few voters as can be.
std::vector<NodeId> VotersOf(const ClusterState& state) {
  std::map<std::string, std::vector<NodeId>> by_rack;
  std::size_t able = 0;
  for (const Member& member : state.members) {
    if (member.role == MemberRole::kJoining) continue;
    by_rack[member.rack].push_back(member.node);
    ++able;
  }
  const std::size_t wanted = able <= kAllVoters ? able : kSomeVoters;
  std::vector<NodeId> voters;
  for (std::size_t round = 0; voters.size() < wanted; ++round) {
    for (const auto& [rack, nodes] : by_rack) {
      if (round < nodes.size() && voters.size() < wanted) voters.push_back(nodes[round]);
    }
  }
  std::sort(voters.begin(), voters.end());
  return voters;
}

Hash128Value HashOf(const ClusterState& state) {
  return Hash128(EncodeClusterState(state));
}

}  // namespace carillon
