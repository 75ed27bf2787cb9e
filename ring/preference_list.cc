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

ClaimHomes ClaimHomesOf(const PartitionHomes& partition, std::uint32_t n_val) {
  WriteSets sets = WriteSetsOf(partition, n_val);
  if (partition.phase == Phase::kReadNew) return {.voters = std::move(sets.next), .next = {}};
  return {.voters = std::move(sets.homes), .next = std::move(sets.next)};
}

std::uint32_t ClaimVotesWantedOf(const BucketProperties& bucket, std::size_t homes) {
  const auto count = static_cast<std::uint32_t>(homes);
  return std::max(AcksWantedOf(bucket, homes), count / 2 + 1);
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

std::uint32_t ReadsWantedOf(const BucketProperties& bucket, std::size_t homes) {
  const auto replicas = std::min(bucket.n_val, static_cast<std::uint32_t>(homes));
  return replicas - AcksWantedOf(bucket, replicas) + 1;
}

}  // namespace carillon
