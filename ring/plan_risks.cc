#include "ring/plan_risks.h"

#include <algorithm>
#include <set>

#include "ring/preference_list.h"

namespace carillon {
namespace {

using Kind = StagedChange::Kind;

// Which members can be copied from, by index.
std::vector<bool> Sources(const ClusterState& state, const PlanFacts& facts) {
  std::vector<bool> sources(state.members.size(), !facts.alive.has_value());
  if (facts.alive) {
    for (const NodeId& node : *facts.alive) {
      if (const auto index = state.IndexOf(node)) sources[*index] = true;
    }
  }
  for (const StagedChange& change : state.staged) {
    if (change.kind == Kind::kRemove) sources[*state.IndexOf(change.node)] = false;
  }
  return sources;
}

bool IsAlive(const PlanFacts& facts, const NodeId& node) {
  return !facts.alive ||
         std::find(facts.alive->begin(), facts.alive->end(), node) != facts.alive->end();
}

// Of one bucket in one partition.
struct Copies {
  std::size_t have = 0;   // homes that can be copied from
  std::size_t homes = 0;  // that hold the bucket
  std::size_t need = 0;   // so that each acknowledged write is on one of them: n - w + 1
};

Copies CopiesOf(const ReplicaRule& rule, const HomeList& homes, const std::vector<bool>& sources) {
  Copies copies{.homes = std::min<std::size_t>(rule.n_val, homes.size())};
  const std::size_t acks = std::min<std::size_t>(rule.w, copies.homes);
  copies.need = copies.homes - acks + 1;
  for (std::size_t i = 0; i < copies.homes; ++i) {
    if (sources[homes[i]]) ++copies.have;
  }
  return copies;
}

// (bucket, moves without enough sources of it, the first such move)
struct Shortage {
  std::string bucket;
  std::size_t moves = 0;
  Copies copies;
  PartitionId first;
};

std::vector<Shortage> Shortages(const ClusterState& state, const PlanFacts& facts,
                                const ChangePlan& plan) {
  const std::vector<bool> sources = Sources(state, facts);
  std::vector<Shortage> shortages;
  for (const auto& [name, bucket] : state.buckets) {
    Shortage shortage{.bucket = name};
    const BucketRules rules = RulesOf(state, name);
    const ReplicaRule kept_by = rules.before.value_or(rules.now);
    for (const PlannedMove& move : plan.moves) {
      const Copies copies = CopiesOf(kept_by, move.from, sources);
      if (move.gains.empty() || copies.have >= copies.need) continue;
      if (shortage.moves++ == 0) {
        shortage.copies = copies;
        shortage.first = move.partition;
      }
    }
    if (shortage.moves > 0) shortages.push_back(shortage);
  }
  return shortages;
}

std::string ToString(const Shortage& shortage) {
  return fmt::format(
      "bucket {}: {} of the {} copies of partition {} can be copied from, want {} "
      "(so it is of {} partitions)",
      shortage.bucket, shortage.copies.have, shortage.copies.homes, shortage.first,
      shortage.copies.need, shortage.moves);
}

// How the ring will be, were all well.
void AddDegraded(const ClusterState& state, const ChangePlan& plan,
                 std::vector<std::string>* risks) {
  const FairShares fair = ShareFairly(PlacementMembers(MembersWhenCommitted(state)),
                                      plan.targets.size(), state.MaxReplicas());
  if (fair.replicas < state.MaxReplicas()) {
    risks->push_back(fmt::format("only {} members can own partitions: no more than {} of {} copies",
                                 fair.replicas, fair.replicas, state.MaxReplicas()));
  }
  if (fair.racks < fair.replicas && fair.racks > 1) {
    risks->push_back(fmt::format("{} racks for {} copies: the loss of one rack takes more than one",
                                 fair.racks, fair.replicas));
  }
  if (fair.racks == 1 && fair.replicas > 1) {
    risks->push_back("all members are on one rack: its loss takes all copies");
  }
}

void AddMembers(const ClusterState& state, const PlanFacts& facts, const ChangePlan& plan,
                std::vector<std::string>* risks) {
  const std::vector<bool> sources = Sources(state, facts);
  for (std::size_t i = 0; i < state.members.size(); ++i) {
    const Member& member = state.members[i];
    const auto holds = [i](const HomeList& homes) {
      return std::find(homes.begin(), homes.end(), i) != homes.end();
    };
    const auto gained = std::count_if(plan.moves.begin(), plan.moves.end(),
                                      [&](const PlannedMove& move) { return holds(move.gains); });
    const auto missed = std::count_if(
        plan.moves.begin(), plan.moves.end(),
        [&](const PlannedMove& move) { return holds(move.from) && !move.gains.empty(); });
    if (gained > 0 && !IsAlive(facts, member.node)) {
      risks->push_back(fmt::format(
          "{} is not alive: the {} partitions that it shall get wait for it", member.name, gained));
    }
    if (missed > 0 && !sources[i]) {
      risks->push_back(fmt::format(
          "{} cannot be copied from: {} partitions have a copy fewer until they have moved",
          member.name, missed));
    }
  }
}

// What the disks could not be checked for.
void AddUnknown(const ClusterState& state, const PlanFacts& facts, const ChangePlan& plan,
                std::vector<std::string>* risks) {
  if (!facts.partitions_unknown.empty()) {
    risks->push_back(fmt::format(
        "no home of {} partitions says how many bytes they have, {} for one: they count as none",
        facts.partitions_unknown.size(), facts.partitions_unknown.front()));
  }
  for (std::size_t i = 0; i < plan.members.size(); ++i) {
    if (plan.members[i].peak_bytes == 0 || facts.free_bytes.contains(plan.members[i].node))
      continue;
    risks->push_back(fmt::format("{} does not say how much room it has: its disks were not checked",
                                 state.members[i].name));
  }
}

}  // namespace

Status CheckSources(const ClusterState& state, const PlanFacts& facts, const ChangePlan& plan) {
  if (facts.accept_loss) return OkStatus();
  const std::vector<Shortage> shortages = Shortages(state, facts, plan);
  if (shortages.empty()) return OkStatus();
  return FailedPrecondition("{}", ToString(shortages.front()));
}

std::vector<std::string> RisksOf(const ClusterState& state, const PlanFacts& facts,
                                 const ChangePlan& plan) {
  std::vector<std::string> risks;
  for (const Shortage& shortage : Shortages(state, facts, plan)) {
    risks.push_back("data may be lost: " + ToString(shortage));
  }
  AddDegraded(state, plan, &risks);
  AddMembers(state, facts, plan, &risks);
  if (plan.copies.moved > 0 && facts.partition_bytes.empty()) {
    risks.push_back("the bytes of partitions are not known: disks were not checked");
  } else if (plan.copies.moved > 0) {
    AddUnknown(state, facts, plan, &risks);
  }
  return risks;
}

}  // namespace carillon
