#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "ring/fair_share.h"

// Who should have which partition. Pure and deterministic.
namespace carillon {

// Members that have a partition, primary first: indexes into the members.
using HomeList = std::vector<std::uint16_t>;
// By partition.
using HomeLists = std::vector<HomeList>;

// Tomorrow's homes of each partition, from today's. With `fair` = ShareFairly(members,
// today.size(), replicas):
//
//   Each list has fair.replicas distinct able members.
//   Each list is on min(fair.replicas, fair.racks) racks, and has of each rack what
//   fair.per_partition says; with fewer racks than replicas its first homes are on distinct racks.
//   Each member is in the floor or the ceiling of its share of the lists.
//   Each member is primary of the floor or the ceiling of today.size() * weight / weights if there
//   are such primaries among these homes; if not (weights so unequal, or racks so unlike, that its
//   share of copies is not by weight), of its share of copies divided by fair.replicas.
//   Of all lists like these the result is one that gives members the fewest partitions that they
//   do not have today; and of all primaries like these, one that keeps the most.
//   A new home takes the position of one that goes.
//
// So today's homes come back as they are when they are balanced already, a join moves partitions to
// the new member only, and a leave those of the leaving one only, as far as shares and racks allow.
// Swept (Q 8..1024, 1..40 members of equal weight coming and going by 1, 2, 5; 1..7 replicas): with
// one rack nothing moves beyond the least, but one copy at 8 partitions of 7 replicas; with 2..5
// racks of unlike size, whose shares are then not even, at most Q / 6 copies do.
// Above kDenseMembers able members the fewest is not proven, though nearly always met.
//
// Requires: an able member; 1..kMaxMembers members; indexes in `today` are members, none twice in
// a list; a list may have more or fewer homes than wanted, or none.
// Cost: 4,096 partitions of 3 or 7 replicas take 0.06..0.16 s for 40..1,000 members; 3 s and some
// 200 MB when nobody has anything yet, members are 1,000, and their weights are very unlike.
HomeLists PlacePartitions(const std::vector<PlacementMember>& members, std::size_t replicas,
                          const HomeLists& today);

inline constexpr std::size_t kDenseMembers = 64;

// How many copies members get that they do not have, from one placement to another.
struct MoveCount {
  std::size_t moved = 0;
  // The sum of what each member has more after than before: with these amounts it cannot be less.
  std::size_t least = 0;
};
// Requires: equally many lists; indexes below `members`.
MoveCount CountMoves(const HomeLists& from, const HomeLists& to, std::size_t members);

}  // namespace carillon
