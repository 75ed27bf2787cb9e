#include "server/node/candidates.h"

#include <algorithm>

namespace carillon {

std::vector<MemberIndex> CandidatesOf(const Scene& scene, PartitionId partition,
                                      const std::string& bucket) {
  const ClusterState& state = *scene.state;
  const PartitionHomes& homes = state.placement[partition.value()];
  const std::uint32_t n_val = scene.RulesOf(bucket).MostHomes();
  std::vector<MemberIndex> order = ReadOrderOf(homes, n_val);
  // Of those that serve reads in this phase, this node is the nearest.
  const std::size_t serving =
      std::min<std::size_t>(homes.phase == Phase::kReadNew ? homes.next.size() : homes.homes.size(),
                            std::max<std::uint32_t>(n_val, 1));
  const auto self =
      std::find(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(serving), scene.self);
  if (self != order.begin() + static_cast<std::ptrdiff_t>(serving)) {
    std::rotate(order.begin(), self, self + 1);
  }
  const auto up_first = [&](auto begin, auto end) {
    std::stable_partition(begin, end, [&](MemberIndex member) { return scene.IsUp(member); });
  };
  up_first(order.begin(), order.end());
  const std::vector<MemberIndex> homes_of_both = order;
  for (const bool up : {true, false}) {
    const auto others = FallbacksOf(state, partition, homes_of_both,
                                    kMaxCandidates - std::min(kMaxCandidates, order.size()),
                                    [&](MemberIndex member) { return scene.IsUp(member) == up; });
    order.insert(order.end(), others.begin(), others.end());
  }
  if (order.size() > kMaxCandidates) order.resize(kMaxCandidates);
  return order;
}

}  // namespace carillon
