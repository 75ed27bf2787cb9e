#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "base/bucket.h"
#include "ring/cluster_state.h"

// A bucket of n_val n has its data on the first n homes of a partition, of which w have each
// acknowledged write. What moves of homes must do so that this holds for every bucket, before,
// while, and after they move. Pure functions of the cluster state.
namespace carillon {

// The buckets of a state, by n_val: the least and the most w of those with that n_val.
class ReplicaRules {
 public:
  ReplicaRules() = default;
  // Cost: O(buckets).
  explicit ReplicaRules(const ClusterState& state);

  // Whether one of a partition's next homes has to get data before the partition goes on: of some
  // bucket it is a home next and not now; or it stays one, and those who go leave fewer behind.
  bool MustGet(const PartitionHomes& partition, std::uint16_t member) const;

  // Whether `member`, which must get data, has every acknowledged write of each bucket it is to
  // have when it has pulled all that those homes have for which `pulled` is true. A home for which
  // `gone` is true has it no more, and is not waited for. One that is no home must pull from one.
  // Both: bool(std::uint16_t member).
  template <typename Pulled, typename Gone>
  bool HasEnough(const PartitionHomes& partition, std::uint16_t member, const Pulled& pulled,
                 const Gone& gone) const;

  // Whether every acknowledged write is on w of `homes` (all, if fewer), for each bucket among its
  // own homes, when those for which `has` is true have everything. True when there are no homes.
  template <typename Has>
  bool AreDurable(const std::vector<std::uint16_t>& homes, const Has& has) const;

  friend bool operator==(const ReplicaRules&, const ReplicaRules&) = default;

 private:
  struct Acks {
    std::uint32_t least = 0;  // 0: no bucket has this n_val
    std::uint32_t most = 0;
    friend bool operator==(const Acks&, const Acks&) = default;
  };
  static std::size_t Used(const std::vector<std::uint16_t>& homes, std::size_t n) {
    return std::min(homes.size(), n);
  }
  static bool IsAmong(const std::vector<std::uint16_t>& homes, std::size_t n, std::uint16_t member);
  bool MustGet(const PartitionHomes& partition, std::uint16_t member, std::size_t n) const;

  std::array<Acks, kMaxReplicas + 1> acks_{};  // by n_val
};

template <typename Pulled, typename Gone>
bool ReplicaRules::HasEnough(const PartitionHomes& partition, std::uint16_t member,
                             const Pulled& pulled, const Gone& gone) const {
  const std::vector<std::uint16_t>& homes = partition.homes;
  const auto had_by = [&](std::uint16_t home) { return home == member || pulled(home); };
  if (std::none_of(homes.begin(), homes.end(), had_by)) return false;
  for (std::size_t n = 1; n < acks_.size(); ++n) {
    if (acks_[n].least == 0 || !MustGet(partition, member, n)) continue;
    const std::size_t used = Used(homes, n);
    const std::size_t wanted = used - std::min<std::size_t>(acks_[n].least, used) + 1;
    std::size_t had = 0;
    std::size_t left = 0;
    for (std::size_t i = 0; i < used; ++i) {
      if (had_by(homes[i])) ++had;
      if (!gone(homes[i])) ++left;
    }
    if (had < std::min(wanted, left)) return false;
  }
  return true;
}

template <typename Has>
bool ReplicaRules::AreDurable(const std::vector<std::uint16_t>& homes, const Has& has) const {
  if (!homes.empty() && std::none_of(homes.begin(), homes.end(), has)) return false;
  for (std::size_t n = 1; n < acks_.size(); ++n) {
    const std::size_t used = Used(homes, n);
    const auto having =
        std::count_if(homes.begin(), homes.begin() + static_cast<std::ptrdiff_t>(used), has);
    if (static_cast<std::size_t>(having) < std::min<std::size_t>(acks_[n].most, used)) return false;
  }
  return true;
}

}  // namespace carillon
