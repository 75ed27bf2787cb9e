// What a commit would do: homes, costs, refusals. Saving and carrying out: plan_commit.cc.
#include "ring/change_plan.h"

#include <algorithm>

#include "ring/plan_risks.h"

namespace carillon {
namespace {

bool Contains(const HomeList& homes, std::uint16_t member) {
  return std::find(homes.begin(), homes.end(), member) != homes.end();
}

// In `these`, not in `those`.
HomeList Without(const HomeList& these, const HomeList& those) {
  HomeList rest;
  for (const std::uint16_t member : these) {
    if (!Contains(those, member)) rest.push_back(member);
  }
  return rest;
}

// Today's homes of the partitions as they will be.
HomeLists HomesToday(const ClusterState& state) {
  const bool split = IsStaged(state, StagedChange::Kind::kSplit);
  HomeLists homes;
  for (const PartitionHomes& partition : state.placement) {
    homes.insert(homes.end(), split ? 2 : 1, partition.homes);
  }
  return homes;
}

// A replacement is best where the replaced one was.
HomeLists WithReplaced(const ClusterState& state, HomeLists lists) {
  for (const StagedChange& change : state.staged) {
    if (change.kind != StagedChange::Kind::kReplace) continue;
    const std::uint16_t node = *state.IndexOf(change.node);
    for (HomeList& homes : lists)
      std::replace(homes.begin(), homes.end(), node, *state.IndexOf(change.other));
  }
  return lists;
}

void AddMoves(const HomeLists& today, const std::vector<std::uint64_t>& bytes, ChangePlan* plan) {
  for (std::size_t p = 0; p < today.size(); ++p) {
    const HomeList& from = today[p];
    const HomeList& to = plan->targets[p];
    if (from == to) continue;
    PlannedMove move{.partition = PartitionId(static_cast<std::uint16_t>(p)),
                     .from = from,
                     .to = to,
                     .gains = Without(to, from),
                     .loses = Without(from, to)};
    const std::uint64_t size = bytes.empty() ? 0 : bytes[p];
    move.bytes = size * move.gains.size();
    plan->bytes_moved += move.bytes;
    for (const std::uint16_t member : move.gains) plan->members[member].bytes_gained += size;
    for (const std::uint16_t member : move.loses) plan->members[member].bytes_lost += size;
    plan->moves.push_back(std::move(move));
  }
}

void CountCopies(const HomeLists& today, ChangePlan* plan) {
  for (std::size_t p = 0; p < today.size(); ++p) {
    for (const std::uint16_t home : today[p]) ++plan->members[home].copies_before;
    for (const std::uint16_t home : plan->targets[p]) ++plan->members[home].copies_after;
    ++plan->members[today[p].front()].primaries_before;
    ++plan->members[plan->targets[p].front()].primaries_after;
  }
}

void AddCosts(const PlanFacts& facts, ChangePlan* plan) {
  std::uint64_t most = 0;
  for (PlannedMember& member : plan->members) {
    member.peak_bytes = member.bytes_gained;
    most = std::max(most, member.bytes_gained);
    if (member.bytes_gained > member.bytes_lost) {
      plan->bytes_least += member.bytes_gained - member.bytes_lost;
    }
  }
  const std::uint64_t rate = facts.sync_bytes_per_second;
  if (rate > 0) plan->seconds = most / rate + (most % rate != 0 ? 1 : 0);
}

Status CheckDisks(const ClusterState& state, const PlanFacts& facts, const ChangePlan& plan) {
  for (std::size_t i = 0; i < plan.members.size(); ++i) {
    const PlannedMember& member = plan.members[i];
    const auto free = facts.free_bytes.find(member.node);
    if (free == facts.free_bytes.end() || member.peak_bytes <= free->second) continue;
    return FailedPrecondition("{} would need {} more bytes and has {} free", state.members[i].name,
                              member.peak_bytes, free->second);
  }
  return OkStatus();
}

Status CheckPlannable(const ClusterState& state, const PlanFacts& facts) {
  if (state.staged.empty()) return FailedPrecondition("nothing is staged");
  if (state.IsMoving()) return FailedPrecondition("partitions still move");
  if (!facts.partition_bytes.empty() && facts.partition_bytes.size() != state.partitions()) {
    return InvalidArgument("bytes of {} partitions, want {}", facts.partition_bytes.size(),
                           state.partitions());
  }
  return OkStatus();
}

// Of the partitions as they will be: halves, rounded up, after a split.
std::vector<std::uint64_t> BytesToCome(const ClusterState& state, const PlanFacts& facts) {
  if (!IsStaged(state, StagedChange::Kind::kSplit)) return facts.partition_bytes;
  std::vector<std::uint64_t> bytes;
  for (const std::uint64_t whole : facts.partition_bytes) {
    bytes.insert(bytes.end(), 2, whole / 2 + whole % 2);
  }
  return bytes;
}

}  // namespace

bool IsStaged(const ClusterState& state, StagedChange::Kind kind) {
  return std::any_of(state.staged.begin(), state.staged.end(),
                     [kind](const StagedChange& change) { return change.kind == kind; });
}

std::vector<PlacementMember> PlacementMembers(const std::vector<Member>& members) {
  std::map<std::string, std::uint32_t> racks;
  std::vector<PlacementMember> placed;
  for (const Member& member : members) {
    const auto number = static_cast<std::uint32_t>(racks.size());
    const std::uint32_t rack = racks.emplace(member.rack, number).first->second;
    placed.push_back(
        {.weight = member.role == MemberRole::kNormal ? member.weight : 0, .rack = rack});
  }
  return placed;
}

StatusOr<ChangePlan> MakePlan(const ClusterState& state, const PlanFacts& facts) {
  RETURN_IF_ERROR(CheckPlannable(state, facts));
  const std::vector<PlacementMember> members = PlacementMembers(MembersWhenCommitted(state));
  if (std::all_of(members.begin(), members.end(),
                  [](const PlacementMember& member) { return member.weight == 0; })) {
    return FailedPrecondition("no normal member has a weight above 0");
  }
  const HomeLists today = HomesToday(state);
  ChangePlan plan{.made_from = state.version};
  plan.targets = PlacePartitions(members, state.MaxReplicas(), WithReplaced(state, today));
  for (const Member& member : state.members) {
    plan.members.push_back({.node = member.node});
    const auto free = facts.free_bytes.find(member.node);
    if (free != facts.free_bytes.end()) plan.members.back().free_bytes = free->second;
  }
  plan.bytes_known = !facts.partition_bytes.empty();
  CountCopies(today, &plan);
  AddMoves(today, BytesToCome(state, facts), &plan);
  AddCosts(facts, &plan);
  plan.copies = CountMoves(today, plan.targets, members.size());
  RETURN_IF_ERROR(CheckSources(state, facts, plan));
  RETURN_IF_ERROR(CheckDisks(state, facts, plan));
  plan.risks = RisksOf(state, facts, plan);
  return plan;
}

}  // namespace carillon
