#include "ring/preference_list.h"

#include <algorithm>

namespace carillon {
namespace {

bool Contains(const std::vector<MemberIndex>& list, MemberIndex member) {
  return std::find(list.begin(), list.end(), member) != list.end();
}

std::vector<MemberIndex> FirstOf(const std::vector<MemberIndex>& list, std::uint32_t n) {
  return {list.begin(), list.begin() + static_cast<std::ptrdiff_t>(std::min<std::size_t>(
                                           list.size(), std::max<std::uint32_t>(n, 1)))};
}

const std::vector<MemberIndex>& ServingOf(const PartitionHomes& partition) {
  return partition.phase == Phase::kReadNew ? partition.next : partition.homes;
}

std::vector<ReplicaRule> Each(const BucketRules& rules) {
  std::vector<ReplicaRule> each;
  if (rules.before) each.push_back(*rules.before);
  each.push_back(rules.now);
  return each;
}

Quorum AcksOf(const std::vector<MemberIndex>& list, const ReplicaRule& rule) {
  Quorum quorum{.homes = FirstOf(list, rule.n_val)};
  quorum.wanted = std::min(rule.w, static_cast<std::uint32_t>(quorum.homes.size()));
  return quorum;
}

Quorum VotesOf(const std::vector<MemberIndex>& list, const ReplicaRule& rule) {
  Quorum quorum = AcksOf(list, rule);
  const auto homes = static_cast<std::uint32_t>(quorum.homes.size());
  quorum.wanted = std::max(quorum.wanted, homes / 2 + 1);
  return quorum;
}

// n - w + 1 of the homes, by each rule.
std::vector<Quorum> ReadsOf(const std::vector<MemberIndex>& list, const BucketRules& rules) {
  std::vector<Quorum> quorums;
  for (const ReplicaRule& rule : Each(rules)) {
    Quorum quorum = AcksOf(list, rule);
    quorum.wanted = static_cast<std::uint32_t>(quorum.homes.size()) - quorum.wanted + 1;
    quorums.push_back(std::move(quorum));
  }
  return quorums;
}

void AppendNew(const std::vector<MemberIndex>& from, std::vector<MemberIndex>* to) {
  for (const MemberIndex member : from) {
    if (!Contains(*to, member)) to->push_back(member);
  }
}

}  // namespace

WriteSets WriteSetsOf(const PartitionHomes& partition, std::uint32_t n_val) {
  WriteSets sets{.homes = FirstOf(partition.homes, n_val), .next = {}, .members = {}};
  if (partition.phase != Phase::kStable) sets.next = FirstOf(partition.next, n_val);
  sets.members = sets.homes;
  AppendNew(sets.next, &sets.members);
  return sets;
}

std::vector<MemberIndex> ReadOrderOf(const PartitionHomes& partition, std::uint32_t n_val) {
  const WriteSets sets = WriteSetsOf(partition, n_val);
  if (partition.phase != Phase::kReadNew) return sets.members;
  std::vector<MemberIndex> order = sets.next;
  AppendNew(sets.homes, &order);
  return order;
}

BucketRules RulesOf(const ClusterState& state, const std::string& bucket) {
  BucketRules rules{.now = RuleOf(state.buckets.at(bucket)), .before = {}};
  if (!state.settling) return rules;
  const auto before = state.settling->before.find(bucket);
  if (before != state.settling->before.end()) rules.before = before->second;
  return rules;
}

std::vector<Quorum> WriteQuorumsOf(const PartitionHomes& partition, const BucketRules& rules) {
  std::vector<Quorum> quorums;
  for (const auto* list : {&partition.homes, &partition.next}) {
    if (list->empty()) continue;
    for (const ReplicaRule& rule : Each(rules)) quorums.push_back(AcksOf(*list, rule));
  }
  return quorums;
}

std::vector<Quorum> ReadQuorumsOf(const PartitionHomes& partition, const BucketRules& rules) {
  return ReadsOf(ServingOf(partition), rules);
}

std::vector<Quorum> FormerQuorumsOf(const PartitionHomes& partition, const BucketRules& rules) {
  if (partition.phase != Phase::kReadNew) return {};
  return ReadsOf(partition.homes, rules);
}

ClaimHomes ClaimHomesOf(const PartitionHomes& partition, const BucketRules& rules) {
  const std::vector<MemberIndex>& serving = ServingOf(partition);
  ClaimHomes homes{.voters = VotesOf(serving, rules.before.value_or(rules.now)), .next = {}};
  if (rules.before) homes.next.push_back(VotesOf(serving, rules.now));
  if (partition.phase != Phase::kDual) return homes;
  for (const ReplicaRule& rule : Each(rules)) homes.next.push_back(VotesOf(partition.next, rule));
  return homes;
}

std::vector<MemberIndex> FallbackOrderOf(const ClusterState& state, PartitionId partition,
                                         const std::vector<MemberIndex>& except) {
  return FallbacksOf(state, partition, except, state.members.size(),
                     [](MemberIndex) { return true; });
}

std::vector<MemberIndex> FallbacksOf(const ClusterState& state, PartitionId partition,
                                     const std::vector<MemberIndex>& except, std::size_t limit,
                                     const std::function<bool(MemberIndex)>& wanted) {
  const std::size_t count = state.members.size();
  std::vector<MemberIndex> order;
  bool has_leaving = false;
  const auto take = [&](bool leaving) {
    for (std::size_t i = 0; i < count && order.size() < limit; ++i) {
      const auto member = static_cast<MemberIndex>((partition.value() + i) % count);
      const bool leaves = state.members[member].role == MemberRole::kLeaving;
      has_leaving = has_leaving || leaves;
      if (leaves == leaving && !Contains(except, member) && wanted(member)) order.push_back(member);
    }
  };
  take(false);
  if (has_leaving) take(true);
  return order;
}

std::uint32_t AcksWantedOf(const BucketProperties& bucket, std::size_t homes) {
  return std::min(bucket.AcksWanted(), static_cast<std::uint32_t>(homes));
}

}  // namespace carillon
