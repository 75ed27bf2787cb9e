#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

// How many copies of partitions each member should have. Exact: fractions, no floating point.
namespace carillon {

// What placement needs to know of a member.
struct PlacementMember {
  std::uint32_t weight = 100;  // its share of the partitions; 0: it owns nothing
  std::uint32_t rack = 0;      // equal numbers are one failure domain
  friend bool operator==(const PlacementMember&, const PlacementMember&) = default;
};

// amount * weight / of.
struct FairShare {
  std::uint64_t amount = 0;
  std::uint64_t weight = 0;
  std::uint64_t of = 1;
  // Of the share divided by `divisor`.
  std::uint64_t Floor(std::uint64_t divisor = 1) const { return amount * weight / (of * divisor); }
  std::uint64_t Ceil(std::uint64_t divisor = 1) const {
    return (amount * weight + of * divisor - 1) / (of * divisor);
  }
};

struct FairShares {
  std::size_t replicas = 0;        // of each partition: as wanted, or fewer: as many as are able
  std::size_t racks = 0;           // with able members
  std::vector<FairShare> members;  // copies, of each member; zero for one that owns nothing
  // Of each able member's rack (numbered from 0 in the order of their first members): copies of one
  // partition, at least and at most.
  struct PerPartition {
    std::uint64_t least = 0;
    std::uint64_t most = 0;
  };
  std::vector<PerPartition> per_partition;
  std::vector<std::size_t> rack_of;  // of each member, in `per_partition`; of able ones only
};

// Shares of partitions * replicas copies. By weight, as long as
//   no member has a partition twice (its share is at most `partitions`),
//   and each partition is on min(replicas, racks) racks: a rack has at most one copy of each when
//   there are enough racks, at least one when there are not.
// What one member or rack must not have, or must have more, the others give or take by weight. The
// shares can be met by whole copies: each member by the floor or ceiling of its share, at once.
//
// Requires: an able member (weight > 0); partitions, replicas > 0.
FairShares ShareFairly(const std::vector<PlacementMember>& members, std::size_t partitions,
                       std::size_t replicas);

}  // namespace carillon
