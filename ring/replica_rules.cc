#include "ring/replica_rules.h"

namespace carillon {

ReplicaRules::ReplicaRules(const ClusterState& state) {
  for (const auto& [name, bucket] : state.buckets) {
    Acks& acks = acks_[std::clamp<std::uint32_t>(bucket.n_val, 1, kMaxReplicas)];
    const std::uint32_t wanted = std::max<std::uint32_t>(bucket.AcksWanted(), 1);
    acks.least = acks.least == 0 ? wanted : std::min(acks.least, wanted);
    acks.most = std::max(acks.most, wanted);
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
  for (std::size_t n = 1; n < acks_.size(); ++n) {
    if (acks_[n].least != 0 && MustGet(partition, member, n)) return true;
  }
  return false;
}

}  // namespace carillon
