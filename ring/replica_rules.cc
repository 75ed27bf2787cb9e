#include "ring/replica_rules.h"

#include "ring/preference_list.h"

namespace carillon {

ReplicaRules::ReplicaRules(const ClusterState& state) {
  const auto add_least = [](std::uint32_t w, std::uint32_t* least) {
    *least = *least == 0 ? w : std::min(*least, w);
  };
  for (const auto& [name, bucket] : state.buckets) {
    const BucketRules rules = RulesOf(state, name);
    const ReplicaRule kept_by = rules.before.value_or(rules.now);
    if (rules.before) add_least(kept_by.w, &settling_[kept_by.n_val]);
    for (const ReplicaRule& rule : {rules.now, kept_by}) {
      most_[rule.n_val] = std::max(most_[rule.n_val], rule.w);
      add_least(kept_by.w, &kept_by_[rule.n_val][kept_by.n_val]);
    }
  }
}

bool ReplicaRules::IsAmong(const std::vector<std::uint16_t>& homes, std::size_t n,
                           std::uint16_t member) {
  const auto end = homes.begin() + static_cast<std::ptrdiff_t>(Used(homes, n));
  return std::find(homes.begin(), end, member) != end;
}

// One that stays a home may lack what w others have: that shows when of them fewer are left.
bool ReplicaRules::MustGet(const PartitionHomes& partition, std::uint16_t member,
                           std::size_t n) const {
  if (!IsAmong(partition.next, n, member)) return false;
  return !IsAmong(partition.homes, n, member) || Used(partition.next, n) < Used(partition.homes, n);
}

bool ReplicaRules::MustGet(const PartitionHomes& partition, std::uint16_t member) const {
  if (partition.phase == Phase::kStable) return false;
  if (!IsAmong(partition.homes, partition.homes.size(), member)) {
    return IsAmong(partition.next, partition.next.size(), member);
  }
  for (std::size_t n = 1; n < most_.size(); ++n) {
    if (IsUsed(n) && MustGet(partition, member, n)) return true;
  }
  return false;
}

}  // namespace carillon
