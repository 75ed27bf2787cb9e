#include "ring/ownership.h"

#include <algorithm>

#include "ring/member_index.h"
#include "ring/replica_rules.h"
#include "ring/settling.h"

namespace carillon {
namespace {

bool Contains(const std::vector<std::uint16_t>& list, std::uint16_t index) {
  return std::find(list.begin(), list.end(), index) != list.end();
}

bool IsReady(const PartitionHomes& partition, const ReplicaRules& rules) {
  return std::all_of(partition.next.begin(), partition.next.end(), [&](std::uint16_t home) {
    return !rules.MustGet(partition, home) || Contains(partition.ready, home);
  });
}

// How many partitions took which step: for the note.
struct Taken {
  std::size_t started = 0;
  std::size_t read_new = 0;
  std::size_t done = 0;
  std::size_t dropped = 0;
  std::string forgotten;
  bool settled = false;
  bool Any() const {
    return started + read_new + done + dropped > 0 || !forgotten.empty() || settled;
  }
};

void Promote(PartitionHomes* partition, const ReplicaRules& rules, StateVersion version,
             Taken* taken) {
  if (partition->phase == Phase::kStable || !IsReady(*partition, rules)) return;
  partition->ready.clear();
  partition->changed = version;
  if (partition->phase == Phase::kDual) {
    partition->phase = Phase::kReadNew;
    ++taken->read_new;
    return;
  }
  partition->phase = Phase::kStable;
  partition->homes = std::move(partition->next);
  partition->next.clear();
  ++taken->done;
}

void Start(PartitionHomes* partition, StateVersion version, Taken* taken) {
  partition->phase = Phase::kDual;
  partition->next = std::move(partition->target);
  partition->target.clear();
  partition->changed = version;
  ++taken->started;
}

void ForgetTheGone(ClusterState* state, const MayGo& may_go, Taken* taken) {
  for (std::size_t i = state->members.size(); i-- > 0;) {
    const auto index = static_cast<std::uint16_t>(i);
    if (state->members[i].role != MemberRole::kLeaving || OwnsOrWillOwn(*state, index)) continue;
    if (may_go && !may_go(state->members[i])) continue;
    taken->forgotten += " " + state->members[i].name;
    EraseMember(state, index);
  }
}

}  // namespace

std::optional<ClusterState> NextStep(const ClusterState& state, std::size_t max_moving,
                                     const MayGo& may_go) {
  ClusterState moved = state;
  const StateVersion version(state.version.value() + 1);
  const ReplicaRules rules(state);
  Taken taken;
  std::size_t moving = 0;
  for (PartitionHomes& partition : moved.placement) {
    Promote(&partition, rules, version, &taken);
    if (partition.target == partition.homes) {
      partition.target.clear();
      ++taken.dropped;
    }
    if (partition.phase != Phase::kStable) ++moving;
  }
  for (PartitionHomes& partition : moved.placement) {
    if (state.paused || moving >= max_moving) break;
    // What has just become stable has no target: each takes one step a version.
    if (partition.target.empty() || partition.phase != Phase::kStable) continue;
    Start(&partition, version, &taken);
    ++moving;
  }
  if (HaveAllSettled(state)) {
    moved.settling.reset();
    taken.settled = true;
  }
  ForgetTheGone(&moved, may_go, &taken);
  if (!taken.Any()) return std::nullopt;
  ClusterState next = NextVersionOf(
      state, fmt::format("partitions: {} start, {} read new, {} done, {} stay; forgotten:{}{}",
                         taken.started, taken.read_new, taken.done, taken.dropped,
                         taken.forgotten.empty() ? " none" : taken.forgotten,
                         taken.settled ? "; rules of buckets have settled" : ""));
  next.members = std::move(moved.members);
  next.placement = std::move(moved.placement);
  next.staged = std::move(moved.staged);
  next.plan = std::move(moved.plan);
  next.settling = std::move(moved.settling);
  return next;
}

StatusOr<ClusterState> WithReady(const ClusterState& state, const NodeId& node,
                                 const std::vector<PartitionId>& partitions, Phase phase) {
  if (phase == Phase::kStable) return InvalidArgument("nobody gets ready in a stable phase");
  const auto index = state.IndexOf(node);
  if (!index) return NotFound("no member {}", node);
  const std::string& name = state.members[*index].name;
  std::vector<PartitionId> fresh;
  for (const PartitionId id : partitions) {
    if (id.value() >= state.placement.size()) continue;
    const PartitionHomes& partition = state.placement[id.value()];
    if (partition.phase != phase || !Contains(partition.next, *index)) continue;
    if (!Contains(partition.ready, *index)) fresh.push_back(id);
  }
  if (fresh.empty()) {
    return FailedPrecondition("{} has no {} partition among the {} to be ready with", name,
                              ToString(phase), partitions.size());
  }
  ClusterState next = NextVersionOf(state, fmt::format("{} is ready: {}", name, ToString(phase)));
  for (const PartitionId id : fresh) {
    std::vector<std::uint16_t>& ready = next.placement[id.value()].ready;
    const auto at = std::lower_bound(ready.begin(), ready.end(), *index);
    if (at == ready.end() || *at != *index) ready.insert(at, *index);
  }
  return next;
}

}  // namespace carillon
