#include "ring/placement.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <set>

#include "base/random.h"
#include "base/status.h"

namespace carillon {
namespace {

using Members = std::vector<PlacementMember>;

// The worst that was found, over all checks of one test.
struct Worst {
  std::size_t moves = 0;      // beyond the least
  std::size_t primaries = 0;  // placements that miss the primaries by weight
  std::size_t placements = 0;
};

std::vector<std::size_t> CountsOf(const HomeLists& lists, std::size_t members, bool primaries) {
  std::vector<std::size_t> counts(members);
  for (const HomeList& homes : lists) {
    for (std::size_t i = 0; i < (primaries ? 1 : homes.size()); ++i) ++counts[homes[i]];
  }
  return counts;
}

std::string CheckList(const Members& members, const FairShares& fair, const HomeList& homes) {
  if (homes.size() != fair.replicas) return fmt::format("{} homes", homes.size());
  std::set<std::uint16_t> distinct(homes.begin(), homes.end());
  if (distinct.size() != homes.size()) return "a home twice";
  std::set<std::uint32_t> racks;
  for (std::size_t i = 0; i < homes.size(); ++i) {
    if (members[homes[i]].weight == 0) return "a home that is not able";
    racks.insert(members[homes[i]].rack);
    if (racks.size() != std::min(i + 1, fair.racks)) return "homes that could be on more racks";
  }
  return "";
}

// "": all that placement.h promises holds.
std::string Check(const Members& members, std::size_t replicas, const HomeLists& today,
                  const HomeLists& lists, Worst* worst) {
  const FairShares fair = ShareFairly(members, today.size(), replicas);
  for (std::size_t p = 0; p < lists.size(); ++p) {
    const std::string wrong = CheckList(members, fair, lists[p]);
    if (!wrong.empty()) return fmt::format("partition {}: {}", p, wrong);
  }
  std::uint64_t weights = 0;
  for (const PlacementMember& member : members) weights += member.weight;
  const auto copies = CountsOf(lists, members.size(), false);
  const auto primaries = CountsOf(lists, members.size(), true);
  bool by_weight = true;
  bool by_copies = true;
  for (std::size_t i = 0; i < members.size(); ++i) {
    const FairShare& share = fair.members[i];
    if (copies[i] < share.Floor() || copies[i] > share.Ceil()) {
      return fmt::format("member {} has {} copies, want {}..{}", i, copies[i], share.Floor(),
                         share.Ceil());
    }
    const FairShare wanted{.amount = today.size(), .weight = members[i].weight, .of = weights};
    by_weight &= primaries[i] >= wanted.Floor() && primaries[i] <= wanted.Ceil();
    by_copies &=
        primaries[i] >= share.Floor(fair.replicas) && primaries[i] <= share.Ceil(fair.replicas);
  }
  if (!by_weight && !by_copies) return "primaries are not balanced";
  const MoveCount moves = CountMoves(today, lists, members.size());
  worst->moves = std::max(worst->moves, moves.moved - moves.least);
  worst->primaries += by_weight ? 0 : 1;
  ++worst->placements;
  return "";
}

// `count` of `all` members, on `racks` racks.
Members Some(std::size_t all, std::size_t count, std::uint32_t racks) {
  Members members(all);
  for (std::size_t i = 0; i < all; ++i) {
    members[i] = {.weight = i < count ? 100u : 0u, .rack = static_cast<std::uint32_t>(i) % racks};
  }
  return members;
}

struct Sweep {
  std::vector<std::size_t> partitions;
  std::vector<std::size_t> replicas;
  std::size_t most = 40;
};

// From one member to `most` and back, `step` at a time.
void GrowAndShrink(std::size_t partitions, std::size_t replicas, std::size_t most,
                   std::uint32_t racks, std::size_t step, Worst* worst) {
  HomeLists lists(partitions);
  std::vector<std::size_t> counts;
  for (std::size_t n = 1; n <= most; n += step) counts.push_back(n);
  for (std::size_t i = counts.size(); i-- > 0;) counts.push_back(counts[i]);
  for (const std::size_t n : counts) {
    const Members members = Some(most, n, racks);
    const HomeLists next = PlacePartitions(members, replicas, lists);
    ASSERT_EQ(Check(members, replicas, lists, next, worst), "")
        << partitions << " partitions, " << replicas << " replicas, " << n << " members of "
        << racks << " racks, " << step << " at a time";
    ASSERT_EQ(PlacePartitions(members, replicas, next), next) << "balanced, and yet it moves";
    lists = next;
  }
}

Worst RunSweep(const Sweep& sweep, std::uint32_t racks) {
  Worst worst;
  for (const std::size_t partitions : sweep.partitions) {
    for (const std::size_t replicas : sweep.replicas) {
      Worst here;
      for (const std::size_t step : {std::size_t{1}, std::size_t{2}, std::size_t{5}}) {
        GrowAndShrink(partitions, replicas, sweep.most, racks, step, &here);
      }
      if (here.moves > 0 || here.primaries > 0) {
        std::cout << fmt::format(
            "{} racks, {} partitions, {} replicas: {} placements, at most {} moves beyond the "
            "least, {} without primaries by weight\n",
            racks, partitions, replicas, here.placements, here.moves, here.primaries);
      }
      // Without racks only many replicas on few members force one.
      const std::size_t forced = racks > 1 ? 2 + partitions / 6 : replicas > 5 ? 1 : 0;
      EXPECT_LE(here.moves, forced);
      worst.primaries += here.primaries;
    }
  }
  return worst;
}

class PlacementSweep : public testing::TestWithParam<std::uint32_t> {};

// CARILLON_PLACEMENT_SWEEP=1: everything, minutes.
TEST_P(PlacementSweep, IsBalancedAndMovesTheLeastWhereverTheRingGrowsAndShrinks) {
  const bool all = std::getenv("CARILLON_PLACEMENT_SWEEP") != nullptr;
  const Sweep few{.partitions = {8, 64}, .replicas = {1, 3}};
  const Sweep many{.partitions = {8, 16, 32, 64, 128, 256, 512, 1024},
                   .replicas = {1, 2, 3, 4, 5, 7}};
  EXPECT_EQ(RunSweep(all ? many : few, GetParam()).primaries, 0u);
}
INSTANTIATE_TEST_SUITE_P(Racks, PlacementSweep, testing::Range(1u, 6u));

// Weights from 0 up, racks of any size, homes of today that are anything.
TEST(PlacementTest, KeepsItsPromisesForAnyWeightsRacksAndHomesOfToday) {
  Random random(20'26);
  Worst worst;
  for (int round = 0; round < 600; ++round) {
    Members members(1 + random.Below(12));
    for (PlacementMember& member : members) {
      const std::uint64_t most = random.OneIn(3) ? 10'000 : 100;
      member.weight = static_cast<std::uint32_t>(random.OneIn(6) ? 0 : 1 + random.Below(most));
      member.rack = static_cast<std::uint32_t>(random.Below(1 + random.Below(5)));
    }
    members[0].weight = 100;
    HomeLists today(std::size_t{8} << random.Below(4));
    for (HomeList& homes : today) {
      for (std::uint16_t i = 0; i < members.size(); ++i) {
        if (random.OneIn(3)) homes.insert(homes.begin() + random.Below(homes.size() + 1), i);
      }
    }
    const std::size_t replicas = 1 + random.Below(7);
    const HomeLists next = PlacePartitions(members, replicas, today);
    ASSERT_EQ(Check(members, replicas, today, next, &worst), "") << "round " << round;
    ASSERT_EQ(PlacePartitions(members, replicas, next), next) << "round " << round;
  }
}

TEST(PlacementTest, OffersEnoughToEachPartitionOfALargeRing) {
  HomeLists lists(1024);
  Worst worst;
  for (const std::size_t count : {199, 200, 150, 151}) {
    const Members members = Some(200, count, 5);
    const HomeLists next = PlacePartitions(members, 3, lists);
    ASSERT_EQ(Check(members, 3, lists, next, &worst), "") << count << " members";
    lists = next;
  }
  EXPECT_EQ(worst.moves, 0u);
}

TEST(PlacementTest, KeepsThePrimaryWhenBothCanBe) {
  const HomeLists today = {{0, 1}, {1, 0}, {0, 1}, {1, 0}, {1, 0}, {0, 1}, {1, 0}, {0, 1}};
  EXPECT_EQ(PlacePartitions(Members(2), 2, today), today);
  EXPECT_EQ(PlacePartitions(Members(2), 5, today), today);
}

TEST(PlacementTest, PutsANewHomeWhereTheOldOneWas) {
  const Members members = {{.weight = 100}, {.weight = 0}, {.weight = 100}, {.weight = 100}};
  const HomeLists today(9, {0, 1, 2});
  for (const HomeList& homes : PlacePartitions(members, 3, today)) {
    const std::set<std::uint16_t> all(homes.begin(), homes.end());
    EXPECT_EQ(all, (std::set<std::uint16_t>{0, 2, 3}));
    EXPECT_TRUE(homes[1] == 3 || homes[0] == 3);
  }
}

std::vector<std::uint64_t> Floors(const FairShares& fair) {
  std::vector<std::uint64_t> floors;
  for (const FairShare& share : fair.members) floors.push_back(share.Floor());
  return floors;
}

TEST(FairShareTest, IsByWeight) {
  const Members members = {{.weight = 100}, {.weight = 50}, {.weight = 0}, {.weight = 100}};
  EXPECT_EQ(Floors(ShareFairly(members, 100, 1)), (std::vector<std::uint64_t>{40, 20, 0, 40}));
  EXPECT_EQ(ShareFairly(members, 99, 1).members[0].Floor(), 39u);
  EXPECT_EQ(ShareFairly(members, 99, 1).members[0].Ceil(), 40u);
}

TEST(FairShareTest, GivesNobodyAPartitionTwice) {
  const Members members = {{.weight = 900}, {.weight = 100}, {.weight = 300}};
  EXPECT_EQ(Floors(ShareFairly(members, 64, 2)), (std::vector<std::uint64_t>{64, 16, 48}));
  EXPECT_EQ(Floors(ShareFairly(members, 64, 5)), (std::vector<std::uint64_t>{64, 64, 64}));
}

TEST(FairShareTest, GivesARackAtMostOneCopyOfEachWhenThereAreEnoughRacks) {
  const Members members = {{100, 0}, {100, 0}, {100, 0}, {100, 1}, {100, 2}};
  const FairShares fair = ShareFairly(members, 60, 2);
  EXPECT_EQ(Floors(fair), (std::vector<std::uint64_t>{20, 20, 20, 30, 30}));
  EXPECT_EQ(fair.per_partition[0].least, 1u);
  EXPECT_EQ(fair.per_partition[0].most, 1u);
  EXPECT_EQ(fair.per_partition[1].least, 0u);
  EXPECT_EQ(fair.per_partition[1].most, 1u);
}

TEST(FairShareTest, GivesEachRackACopyOfEachWhenThereAreTooFew) {
  const Members members = {{100, 0}, {100, 0}, {100, 0}, {100, 0}, {100, 1}};
  const FairShares fair = ShareFairly(members, 60, 3);
  EXPECT_EQ(Floors(fair), (std::vector<std::uint64_t>{30, 30, 30, 30, 60}));
  EXPECT_EQ(fair.per_partition[0].least, 2u);
  EXPECT_EQ(fair.per_partition[1].most, 1u);
}

}  // namespace
}  // namespace carillon
