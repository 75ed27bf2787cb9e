// Plans are saved, carried out, paused, aborted: the state's side of change_plan.h.
#include <algorithm>

#include "ring/change_plan.h"
#include "ring/plan_risks.h"

namespace carillon {
namespace {

// Whether the targets have as many homes as the buckets of today want.
bool FitsBuckets(const ClusterState& state, const SavedPlan& plan) {
  const std::vector<PlacementMember> members = PlacementMembers(MembersWhenCommitted(state));
  const auto able = static_cast<std::size_t>(
      std::count_if(members.begin(), members.end(),
                    [](const PlacementMember& member) { return member.weight > 0; }));
  const std::size_t wanted = std::min<std::size_t>(state.MaxReplicas(), able);
  return std::all_of(plan.targets.begin(), plan.targets.end(),
                     [wanted](const HomeList& homes) { return homes.size() == wanted; });
}

void Split(ClusterState* state) {
  std::vector<PartitionHomes> halves;
  for (PartitionHomes& partition : state->placement) {
    partition.changed = state->version;
    halves.insert(halves.end(), 2, partition);
  }
  state->placement = std::move(halves);
  ++state->partition_bits;
}

// A leaving member stays if something of it is, or will be, in its hands when nothing moves.
void KeepThoseWhoOwn(ClusterState* state) {
  for (std::uint16_t i = 0; i < state->members.size(); ++i) {
    Member& member = state->members[i];
    if (member.role != MemberRole::kLeaving) continue;
    const bool owns = std::any_of(
        state->placement.begin(), state->placement.end(), [i](const PartitionHomes& partition) {
          const HomeList& last =
              partition.phase == Phase::kReadNew ? partition.next : partition.homes;
          return std::find(last.begin(), last.end(), i) != last.end();
        });
    if (owns) member.role = MemberRole::kNormal;
  }
}

}  // namespace

StatusOr<ClusterState> WithPlanSaved(const ClusterState& state, const ChangePlan& plan,
                                     const Uuid& id) {
  if (id.IsNil()) return InvalidArgument("a plan without an id");
  if (plan.made_from != state.version) {
    return Aborted("the plan was made from version {}, this is {}", plan.made_from, state.version);
  }
  ClusterState next = NextVersionOf(state, fmt::format("plan {} saved", id));
  next.plan = SavedPlan{.id = id, .targets = plan.targets};
  return next;
}

StatusOr<ClusterState> WithPlanCommitted(const ClusterState& state, const Uuid& id) {
  if (!state.plan) return Aborted("plan {} is not there: none is", id);
  if (state.plan->id != id) return Aborted("plan {} is not there: {} is", id, state.plan->id);
  if (state.IsMoving()) return FailedPrecondition("partitions still move");
  const bool split = IsStaged(state, StagedChange::Kind::kSplit);
  if (state.plan->targets.size() != state.partitions() * (split ? 2 : 1) ||
      !FitsBuckets(state, *state.plan)) {
    return Aborted("plan {} does not fit the ring and its buckets any more", id);
  }
  ClusterState next = NextVersionOf(state, fmt::format("plan {} committed", id));
  next.members = MembersWhenCommitted(state);
  if (split) Split(&next);
  for (std::size_t p = 0; p < next.placement.size(); ++p) {
    PartitionHomes& partition = next.placement[p];
    if (partition.homes != state.plan->targets[p]) partition.target = state.plan->targets[p];
  }
  next.staged.clear();
  next.plan.reset();
  return next;
}

StatusOr<ClusterState> WithPaused(const ClusterState& state, bool paused) {
  if (state.paused == paused) {
    return FailedPrecondition("moves are {} already", paused ? "paused" : "not paused");
  }
  ClusterState next = NextVersionOf(state, paused ? "moves paused" : "moves resumed");
  next.paused = paused;
  return next;
}

StatusOr<ClusterState> WithAborted(const ClusterState& state) {
  ClusterState next = NextVersionOf(state, "moves aborted");
  bool stayed = false;
  for (PartitionHomes& partition : next.placement) {
    stayed |= !partition.target.empty() || partition.phase == Phase::kDual;
    partition.target.clear();
    if (partition.phase != Phase::kDual) continue;
    partition.phase = Phase::kStable;
    partition.next.clear();
    partition.ready.clear();
    partition.changed = next.version;
  }
  if (!stayed) return FailedPrecondition("no partition waits or is dual");
  KeepThoseWhoOwn(&next);
  return next;
}

}  // namespace carillon
