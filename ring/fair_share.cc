#include "ring/fair_share.h"

#include <algorithm>
#include <map>

#include "base/check.h"

namespace carillon {
namespace {

struct Rack {
  std::vector<std::size_t> members;
  std::uint64_t least = 0;  // copies of all partitions
  std::uint64_t most = 0;
  bool fixed = false;  // its shares are at `least` or at `most`
};

// Raises a level under all racks, and holds back those that meet a bound of theirs.
class Filling {
 public:
  Filling(const std::vector<PlacementMember>& members, std::uint64_t cap, std::vector<Rack> racks)
      : members_(members), cap_(cap), racks_(std::move(racks)), shares_(members.size()) {}

  void Fill(std::uint64_t total) {
    while (FixSome(&total)) {
    }
  }

  const std::vector<FairShare>& shares() const { return shares_; }
  // Copies of one partition in a rack: the floor and ceiling of its share.
  FairShares::PerPartition PerPartition(const Rack& rack) const {
    const Sum sum = SumOf(rack.members);
    const std::uint64_t whole = sum.of * cap_;
    return {.least = sum.amount / whole, .most = (sum.amount + whole - 1) / whole};
  }
  const std::vector<Rack>& racks() const { return racks_; }

 private:
  struct Sum {  // amount / of
    std::uint64_t amount = 0;
    std::uint64_t of = 1;
  };

  // Divides `total` by weight; who would have more than the cap has the cap.
  void Divide(std::uint64_t total, std::vector<std::size_t> open) {
    for (bool capped = true; capped;) {
      std::uint64_t weight = 0;
      for (const std::size_t member : open) weight += members_[member].weight;
      std::vector<std::size_t> below;
      std::uint64_t left = total;
      for (const std::size_t member : open) {
        if (total * members_[member].weight >= cap_ * weight) {
          shares_[member] = {.amount = cap_, .weight = 1, .of = 1};
          left -= cap_;
        } else {
          shares_[member] = {.amount = total, .weight = members_[member].weight, .of = weight};
          below.push_back(member);
        }
      }
      capped = below.size() < open.size() && !below.empty();
      open = std::move(below);
      total = left;
    }
  }

  // All shares below the cap that were divided together have one denominator.
  Sum SumOf(const std::vector<std::size_t>& members) const {
    Sum sum;
    for (const std::size_t member : members) sum.of = std::max(sum.of, shares_[member].of);
    for (const std::size_t member : members) {
      const FairShare& share = shares_[member];
      sum.amount += share.amount * share.weight * (share.of == sum.of ? 1 : sum.of / share.of);
    }
    return sum;
  }

  // Divides among the racks that are not fixed and fixes those at a bound for certain: those below
  // their least if the level must fall, those above their most if it must rise. False: none.
  bool FixSome(std::uint64_t* total) {
    std::vector<std::size_t> open;
    for (const Rack& rack : racks_) {
      if (!rack.fixed) open.insert(open.end(), rack.members.begin(), rack.members.end());
    }
    Divide(*total, open);
    const std::uint64_t of = SumOf(open).of;
    std::uint64_t missing = 0;  // what racks below their least lack, and those above have too much
    std::uint64_t surplus = 0;
    const auto scaled = [&](const Rack& rack) {
      const Sum sum = SumOf(rack.members);
      return sum.amount * (of / sum.of);
    };
    for (const Rack& rack : racks_) {
      if (rack.fixed) continue;
      const std::uint64_t amount = scaled(rack);
      if (amount < rack.least * of) missing += rack.least * of - amount;
      if (amount > rack.most * of) surplus += amount - rack.most * of;
    }
    bool fixed = false;
    std::vector<std::size_t> which;
    for (std::size_t r = 0; r < racks_.size(); ++r) {
      if (racks_[r].fixed) continue;
      const std::uint64_t amount = scaled(racks_[r]);
      if (missing >= surplus && amount < racks_[r].least * of) which.push_back(r);
      if (surplus >= missing && amount > racks_[r].most * of) which.push_back(r);
    }
    for (const std::size_t r : which) {
      Rack& rack = racks_[r];
      const std::uint64_t bound = scaled(rack) < rack.least * of ? rack.least : rack.most;
      rack.fixed = fixed = true;
      *total -= bound;
      Divide(bound, rack.members);
    }
    return fixed;
  }

  const std::vector<PlacementMember>& members_;
  std::uint64_t cap_;
  std::vector<Rack> racks_;
  std::vector<FairShare> shares_;
};

}  // namespace

FairShares ShareFairly(const std::vector<PlacementMember>& members, std::size_t partitions,
                       std::size_t replicas) {
  FairShares fair;
  fair.rack_of.resize(members.size());
  std::map<std::uint32_t, std::size_t> numbers;
  std::vector<Rack> racks;
  std::size_t able = 0;
  for (std::size_t i = 0; i < members.size(); ++i) {
    if (members[i].weight == 0) continue;
    const auto [number, is_new] = numbers.emplace(members[i].rack, racks.size());
    if (is_new) racks.emplace_back();
    fair.rack_of[i] = number->second;
    racks[number->second].members.push_back(i);
    ++able;
  }
  CHECK(able > 0);
  CHECK(partitions > 0 && replicas > 0);
  fair.replicas = std::min(replicas, able);
  fair.racks = racks.size();
  const bool enough = racks.size() >= fair.replicas;
  for (Rack& rack : racks) {
    const std::size_t most = enough ? 1 : fair.replicas - racks.size() + 1;
    rack.least = enough ? 0 : partitions;
    rack.most = partitions * std::min(rack.members.size(), most);
  }
  Filling filling(members, partitions, std::move(racks));
  filling.Fill(std::uint64_t{partitions} * fair.replicas);
  fair.members = filling.shares();
  for (const Rack& rack : filling.racks()) fair.per_partition.push_back(filling.PerPartition(rack));
  return fair;
}

}  // namespace carillon
