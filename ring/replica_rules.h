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

// The rules of all buckets of a state. Of one that settles (settling.h) both rules count, and what
// is to be had is where the one before says.
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

  // The same of `member`, a home or next home, for the buckets that settle: whether it has every
  // write that was acknowledged by the rules before.
  template <typename Pulled, typename Gone>
  bool HasSettled(const PartitionHomes& partition, std::uint16_t member, const Pulled& pulled,
                  const Gone& gone) const;

  // Whether every acknowledged write is on w of `homes` (all, if fewer), for each bucket among its
  // own homes, when those for which `has` is true have everything. True when there are no homes.
  template <typename Has>
  bool AreDurable(const std::vector<std::uint16_t>& homes, const Has& has) const;

  friend bool operator==(const ReplicaRules&, const ReplicaRules&) = default;

 private:
  using LeastAcks = std::array<std::uint32_t, kMaxReplicas + 1>;  // by n_val; 0: no bucket
  bool IsUsed(std::size_t n) const { return most_[n] != 0; }
  static std::size_t Used(const std::vector<std::uint16_t>& homes, std::size_t n) {
    return std::min(homes.size(), n);
  }
  static bool IsAmong(const std::vector<std::uint16_t>& homes, std::size_t n, std::uint16_t member);
  bool MustGet(const PartitionHomes& partition, std::uint16_t member, std::size_t n) const;

  // Whether those of the first `n` homes that `had_by` says are enough to have every write that
  // `least` of them have acknowledged.
  template <typename HadBy, typename Gone>
  static bool AreEnough(const std::vector<std::uint16_t>& homes, std::size_t n, std::uint32_t least,
                        const HadBy& had_by, const Gone& gone);

  LeastAcks most_{};  // the most w of rules of that n_val
  // By n_val: the least w of those that buckets with such a rule are kept by, by their n_val.
  std::array<LeastAcks, kMaxReplicas + 1> kept_by_{};
  LeastAcks settling_{};  // the least w of rules before
};

template <typename HadBy, typename Gone>
bool ReplicaRules::AreEnough(const std::vector<std::uint16_t>& homes, std::size_t n,
                             std::uint32_t least, const HadBy& had_by, const Gone& gone) {
  const std::size_t used = Used(homes, n);
  const std::size_t wanted = used - std::min<std::size_t>(least, used) + 1;
  std::size_t had = 0;
  std::size_t left = 0;
  for (std::size_t i = 0; i < used; ++i) {
    if (had_by(homes[i])) ++had;
    if (!gone(homes[i])) ++left;
  }
  return had >= std::min(wanted, left);
}

template <typename Pulled, typename Gone>
bool ReplicaRules::HasEnough(const PartitionHomes& partition, std::uint16_t member,
                             const Pulled& pulled, const Gone& gone) const {
  const std::vector<std::uint16_t>& homes = partition.homes;
  const auto had_by = [&](std::uint16_t home) { return home == member || pulled(home); };
  if (std::none_of(homes.begin(), homes.end(), had_by)) return false;
  for (std::size_t n = 1; n < kept_by_.size(); ++n) {
    if (!IsUsed(n) || !MustGet(partition, member, n)) continue;
    for (std::size_t kept = 1; kept < kept_by_[n].size(); ++kept) {
      const std::uint32_t least = kept_by_[n][kept];
      if (least != 0 && !AreEnough(homes, kept, least, had_by, gone)) return false;
    }
  }
  return true;
}

template <typename Pulled, typename Gone>
bool ReplicaRules::HasSettled(const PartitionHomes& partition, std::uint16_t member,
                              const Pulled& pulled, const Gone& gone) const {
  const bool reads_next = partition.phase == Phase::kReadNew;
  const std::vector<std::uint16_t>& homes = reads_next ? partition.next : partition.homes;
  const auto had_by = [&](std::uint16_t home) { return home == member || pulled(home); };
  for (std::size_t n = 1; n < settling_.size(); ++n) {
    if (settling_[n] != 0 && !AreEnough(homes, n, settling_[n], had_by, gone)) return false;
  }
  return true;
}

template <typename Has>
bool ReplicaRules::AreDurable(const std::vector<std::uint16_t>& homes, const Has& has) const {
  if (!homes.empty() && std::none_of(homes.begin(), homes.end(), has)) return false;
  for (std::size_t n = 1; n < most_.size(); ++n) {
    const std::size_t used = Used(homes, n);
    const auto having =
        std::count_if(homes.begin(), homes.begin() + static_cast<std::ptrdiff_t>(used), has);
    if (static_cast<std::size_t>(having) < std::min<std::size_t>(most_[n], used)) return false;
  }
  return true;
}

}  // namespace carillon
