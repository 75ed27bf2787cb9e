// What a cluster state must be, and which may follow which.
#include <algorithm>

#include "base/chunk_key.h"
#include "ring/cluster_state.h"
#include "ring/settling.h"

namespace carillon {
namespace {

using Indexes = std::vector<std::uint16_t>;

Status CheckHomes(std::string_view what, Indexes homes, std::size_t members) {
  std::sort(homes.begin(), homes.end());
  if (std::adjacent_find(homes.begin(), homes.end()) != homes.end()) {
    return InvalidArgument("{} has a home twice", what);
  }
  if (!homes.empty() && homes.back() >= members) {
    return InvalidArgument("{} has a home that is no member", what);
  }
  return OkStatus();
}

Status CheckPartition(std::size_t number, const PartitionHomes& partition, std::size_t members) {
  const std::string what = fmt::format("partition {}", number);
  if (partition.homes.empty()) return InvalidArgument("{} has no home", what);
  for (const Indexes* homes :
       {&partition.homes, &partition.next, &partition.ready, &partition.target}) {
    RETURN_IF_ERROR(CheckHomes(what, *homes, members));
  }
  if ((partition.phase == Phase::kStable) != partition.next.empty()) {
    return InvalidArgument("{} is {} and has {} next homes", what, ToString(partition.phase),
                           partition.next.size());
  }
  if (!std::is_sorted(partition.ready.begin(), partition.ready.end())) {
    return InvalidArgument("{}: those that are ready are not in order", what);
  }
  for (const std::uint16_t ready : partition.ready) {
    if (std::find(partition.next.begin(), partition.next.end(), ready) == partition.next.end()) {
      return InvalidArgument("{}: one is ready that is no next home", what);
    }
  }
  return OkStatus();
}

Status CheckMembers(const ClusterState& state) {
  if (state.members.empty() || state.members.size() > kMaxMembers) {
    return InvalidArgument("{} members, want 1..{}", state.members.size(), kMaxMembers);
  }
  for (std::size_t i = 0; i < state.members.size(); ++i) {
    const Member& member = state.members[i];
    RETURN_IF_ERROR(CheckName("member name", member.name));
    RETURN_IF_ERROR(CheckName("rack", member.rack));
    if (member.address.size() > kMaxAddressBytes) {
      return InvalidArgument("address of {} bytes", member.address.size());
    }
    if (member.weight > kMaxWeight) {
      return InvalidArgument("weight {} of {}, want 0..{}", member.weight, member.name, kMaxWeight);
    }
    if (i > 0 && state.members[i - 1].node >= member.node) {
      return InvalidArgument("members are not in order, or one is there twice");
    }
  }
  if (VotersOf(state).empty()) return InvalidArgument("no member is a voter");
  return OkStatus();
}

Status CheckStagedMembers(const ClusterState& state, const StagedChange& change) {
  const bool of_ring =
      change.kind == StagedChange::Kind::kSplit || change.kind == StagedChange::Kind::kRebalance;
  const bool of_two = change.kind == StagedChange::Kind::kReplace;
  if ((!of_ring && state.FindMember(change.node) == nullptr) ||
      (of_two && state.FindMember(change.other) == nullptr)) {
    return InvalidArgument("staged {} names no member", ToString(change.kind));
  }
  return OkStatus();
}

Status CheckPlan(const ClusterState& state) {
  if (state.staged.size() > kMaxStagedChanges) {
    return InvalidArgument("{} staged changes, at most {}", state.staged.size(), kMaxStagedChanges);
  }
  for (const StagedChange& change : state.staged) {
    if (!change.rack.empty()) RETURN_IF_ERROR(CheckName("rack", change.rack));
    RETURN_IF_ERROR(CheckStagedMembers(state, change));
  }
  if (!state.plan) return OkStatus();
  const std::size_t planned = state.plan->targets.size();
  if (planned != state.partitions() && planned != 2 * state.partitions()) {
    return InvalidArgument("a plan of {} partitions", planned);
  }
  for (const Indexes& homes : state.plan->targets) {
    if (homes.empty()) return InvalidArgument("a plan leaves a partition without a home");
    RETURN_IF_ERROR(CheckHomes("a planned partition", homes, state.members.size()));
  }
  return OkStatus();
}

// Lists of members as nodes: indexes change when members come and go.
std::vector<NodeId> Nodes(const ClusterState& state, const Indexes& indexes) {
  std::vector<NodeId> nodes;
  for (const std::uint16_t index : indexes) nodes.push_back(state.members[index].node);
  return nodes;
}

// Whether all next homes that always need to say so have said that they are done with the phase.
// For the sake of some buckets more of them must (NextStep); that is no matter of what is valid.
bool IsReady(const PartitionHomes& partition) {
  return std::all_of(partition.next.begin(), partition.next.end(), [&](std::uint16_t home) {
    const auto in = [home](const Indexes& list) {
      return std::find(list.begin(), list.end(), home) != list.end();
    };
    return in(partition.homes) || in(partition.ready);
  });
}

bool IsLegalStep(const ClusterState& state, const PartitionHomes& from, const ClusterState& next,
                 const PartitionHomes& to) {
  const bool same_homes = Nodes(state, from.homes) == Nodes(next, to.homes);
  const bool same_next = Nodes(state, from.next) == Nodes(next, to.next);
  const bool to_next = Nodes(state, from.next) == Nodes(next, to.homes);
  if (from.phase != to.phase && !to.ready.empty()) return false;  // nobody is done at its start
  switch (from.phase) {
    case Phase::kStable:
      if (!same_homes) return false;
      if (to.phase == Phase::kStable) return true;
      return to.phase == Phase::kDual && Nodes(state, from.target) == Nodes(next, to.next);
    case Phase::kDual:
      if (!same_homes) return false;
      if (to.phase == Phase::kStable) return true;  // given up
      return same_next && (to.phase == Phase::kDual || IsReady(from));
    case Phase::kReadNew:
      if (to.phase == Phase::kReadNew) return same_homes && same_next;
      return to.phase == Phase::kStable && to_next && IsReady(from);
  }
  return false;
}

// A split makes two of each partition with the homes of the one.
const PartitionHomes& Origin(const ClusterState& state, const ClusterState& next, std::size_t p) {
  return state.placement[p >> (next.partition_bits - state.partition_bits)];
}

Status CheckSteps(const ClusterState& state, const ClusterState& next) {
  const bool split = next.partition_bits == state.partition_bits + 1;
  if (next.partition_bits != state.partition_bits && (!split || state.IsMoving())) {
    return InvalidArgument("{} partitions cannot become {} now", state.partitions(),
                           next.partitions());
  }
  const bool new_rules = HasNewRules(state, next);
  for (std::size_t p = 0; p < next.placement.size(); ++p) {
    const PartitionHomes& from = Origin(state, next, p);
    const PartitionHomes& to = next.placement[p];
    if (!IsLegalStep(state, from, next, to)) {
      return InvalidArgument("partition {} cannot go from {} to {} like this", p,
                             ToString(from.phase), ToString(to.phase));
    }
    const bool moved = from.phase != to.phase ||
                       Nodes(state, from.homes) != Nodes(next, to.homes) ||
                       Nodes(state, from.next) != Nodes(next, to.next);
    const StateVersion changed = moved || split || new_rules ? next.version : from.changed;
    if (to.changed != changed) {
      return InvalidArgument("partition {} says it changed in {}, it did in {}", p, to.changed,
                             changed);
    }
  }
  return OkStatus();
}

}  // namespace

Status Validate(const ClusterState& state) {
  if (state.cluster.IsNil()) return InvalidArgument("cluster state without a cluster");
  if (state.version.value() == 0) return InvalidArgument("cluster state of version 0");
  if (state.partition_bits < kMinPartitionBits || state.partition_bits > kMaxPartitionBits) {
    return InvalidArgument("{} partitions, want {}..{}", state.partitions(),
                           1u << kMinPartitionBits, 1u << kMaxPartitionBits);
  }
  if (state.note.size() > kMaxNoteBytes) {
    return InvalidArgument("note of {} bytes", state.note.size());
  }
  RETURN_IF_ERROR(CheckMembers(state));
  if (state.buckets.size() > kMaxBuckets) {
    return InvalidArgument("{} buckets, at most {}", state.buckets.size(), kMaxBuckets);
  }
  for (const auto& [name, properties] : state.buckets) {
    RETURN_IF_ERROR(CheckName("bucket", name));
    RETURN_IF_ERROR(Validate(properties));
  }
  if (state.placement.size() != state.partitions()) {
    return InvalidArgument("placement of {} partitions, want {}", state.placement.size(),
                           state.partitions());
  }
  for (std::size_t p = 0; p < state.placement.size(); ++p) {
    RETURN_IF_ERROR(CheckPartition(p, state.placement[p], state.members.size()));
  }
  RETURN_IF_ERROR(Validate(state.tenants, state.version));
  RETURN_IF_ERROR(CheckSettling(state));
  return CheckPlan(state);
}

Status ValidateStep(const ClusterState& state, const ClusterState& next) {
  if (next.cluster != state.cluster || next.generation != state.generation) {
    return InvalidArgument("of another cluster or generation");
  }
  if (next.version.value() != state.version.value() + 1 || next.previous != HashOf(state)) {
    return InvalidArgument("version {} does not follow version {}", next.version, state.version);
  }
  RETURN_IF_ERROR(Validate(next));
  if (next.tenants.changed != next.version && next.tenants != state.tenants) {
    return InvalidArgument("tenants say they changed in {}, they did in {}", next.tenants.changed,
                           next.version);
  }
  RETURN_IF_ERROR(CheckSettlingStep(state, next));
  return CheckSteps(state, next);
}

}  // namespace carillon
