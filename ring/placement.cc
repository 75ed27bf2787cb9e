#include "ring/placement.h"

#include <algorithm>
#include <optional>
#include <set>

#include "base/check.h"
#include "ring/min_cost_flow.h"

namespace carillon {
namespace {

// What is wanted more costs more to miss: first the racks, then the shares, then what stays.
constexpr std::int64_t kMove = 1;
constexpr std::int64_t kBeyondShare = std::int64_t{1} << 20;  // > all moves there can be
constexpr std::int64_t kBeyondRack = std::int64_t{1} << 40;

// Members offered to a partition besides its homes, when there are too many to offer all.
constexpr std::size_t kOffered = 32;

bool Contains(const HomeList& homes, std::uint16_t member) {
  return std::find(homes.begin(), homes.end(), member) != homes.end();
}

// Flow: source -> partition -> (partition, rack) -> member -> sink, a unit a copy.
class Homes {
 public:
  Homes(const std::vector<PlacementMember>& members, const FairShares& fair, const HomeLists& today)
      : members_(members), fair_(fair), today_(today), counts_(members.size()) {
    for (const HomeList& homes : today) {
      for (const std::uint16_t home : homes) ++counts_[home];
    }
    for (std::size_t i = 0; i < members.size(); ++i) {
      if (members[i].weight == 0) continue;
      able_.push_back(static_cast<std::uint16_t>(i));
      if (counts_[i] < fair.members[i].Ceil()) gaining_.push_back(static_cast<std::uint16_t>(i));
    }
  }

  HomeLists Choose() const {
    if (able_.size() > kDenseMembers) {
      if (std::optional<HomeLists> chosen = TryChoose(false)) return *std::move(chosen);
    }
    std::optional<HomeLists> chosen = TryChoose(true);
    CHECK(chosen.has_value());  // shares can always be met
    return *std::move(chosen);
  }

 private:
  struct Offer {
    std::size_t partition;
    std::uint16_t member;
    MinCostFlow::Edge edge;
  };

  // nullopt: shares or racks could not be met with what was offered.
  std::optional<HomeLists> TryChoose(bool offer_all) const {
    MinCostFlow flow;
    const auto source = flow.AddVertex();
    const auto sink = flow.AddVertex();
    const std::vector<MinCostFlow::Vertex> vertices = AddMembers(&flow, sink);
    std::vector<Offer> offers;
    for (std::size_t p = 0; p < today_.size(); ++p) {
      const auto partition = flow.AddVertex();
      flow.AddEdge(source, partition, static_cast<std::int32_t>(fair_.replicas), 0);
      std::vector<std::optional<MinCostFlow::Vertex>> racks(fair_.racks);
      for (const std::uint16_t member : Offered(p, offer_all)) {
        const std::size_t rack = fair_.rack_of[member];
        if (!racks[rack]) racks[rack] = AddRack(&flow, partition, fair_.per_partition[rack]);
        const std::int64_t cost = Contains(today_[p], member) ? 0 : kMove;
        offers.push_back({p, member, flow.AddEdge(*racks[rack], vertices[member], 1, cost)});
      }
    }
    if (!IsComplete(flow.Run(source, sink))) return std::nullopt;
    HomeLists chosen(today_.size());
    for (const Offer& offer : offers) {
      if (flow.FlowOn(offer.edge) > 0) chosen[offer.partition].push_back(offer.member);
    }
    return chosen;
  }

  std::vector<MinCostFlow::Vertex> AddMembers(MinCostFlow* flow, MinCostFlow::Vertex sink) const {
    std::vector<MinCostFlow::Vertex> vertices(members_.size());
    for (const std::uint16_t member : able_) {
      vertices[member] = flow->AddVertex();
      const FairShare& share = fair_.members[member];
      const auto least = static_cast<std::int32_t>(share.Floor());
      const auto most = static_cast<std::int32_t>(share.Ceil());
      flow->AddEdge(vertices[member], sink, least, 0);
      flow->AddEdge(vertices[member], sink, most - least, kBeyondShare);
    }
    return vertices;
  }

  static MinCostFlow::Vertex AddRack(MinCostFlow* flow, MinCostFlow::Vertex partition,
                                     const FairShares::PerPartition& bounds) {
    const auto rack = flow->AddVertex();
    const auto least = static_cast<std::int32_t>(bounds.least);
    const auto most = static_cast<std::int32_t>(bounds.most);
    flow->AddEdge(partition, rack, least, 0);
    flow->AddEdge(partition, rack, most - least, kBeyondRack);
    return rack;
  }

  // Whom partition `p` may go to. Starts elsewhere for each, so that what must move is spread.
  HomeList Offered(std::size_t p, bool all) const {
    HomeList offered;
    for (const std::uint16_t home : today_[p]) {
      if (members_[home].weight > 0) offered.push_back(home);
    }
    const auto add = [&](const HomeList& from, std::size_t most) {
      for (std::size_t i = 0; i < std::min(most, from.size()); ++i) {
        const std::uint16_t member = from[(p * kOffered + p / from.size() + i) % from.size()];
        if (!Contains(offered, member)) offered.push_back(member);
      }
    };
    if (!all) add(gaining_, kOffered);
    add(able_, all ? able_.size() : kOffered);
    return offered;
  }

  // What is beyond the least of each rack and share is as little as it can be: all leasts are met.
  bool IsComplete(const MinCostFlow::Sent& sent) const {
    std::size_t rack_least = 0;
    std::size_t share_least = 0;
    for (const auto& bounds : fair_.per_partition) rack_least += bounds.least;
    for (const std::uint16_t member : able_) share_least += fair_.members[member].Floor();
    const std::size_t copies = today_.size() * fair_.replicas;
    const auto beyond_racks = static_cast<std::int64_t>(copies - today_.size() * rack_least);
    const auto beyond_shares = static_cast<std::int64_t>(copies - share_least);
    return sent.amount == static_cast<std::int64_t>(copies) &&
           sent.cost / kBeyondRack == beyond_racks &&
           sent.cost % kBeyondRack / kBeyondShare == beyond_shares;
  }

  const std::vector<PlacementMember>& members_;
  const FairShares& fair_;
  const HomeLists& today_;
  std::vector<std::size_t> counts_;
  HomeList able_;
  HomeList gaining_;  // may have more than they have today
};

// `chosen` as a list: who stays stays at its position, who is new takes one that is free.
HomeList InOrder(const HomeList& today, const HomeList& chosen) {
  constexpr std::uint16_t kFree = 0xffff;
  HomeList ordered(chosen.size(), kFree);
  HomeList rest;
  for (std::size_t i = 0; i < today.size(); ++i) {
    if (!Contains(chosen, today[i])) continue;
    if (i < ordered.size()) {
      ordered[i] = today[i];
    } else {
      rest.push_back(today[i]);
    }
  }
  for (const std::uint16_t member : chosen) {
    if (!Contains(today, member)) rest.push_back(member);
  }
  auto next = rest.begin();
  for (std::uint16_t& home : ordered) {
    if (home == kFree) home = *next++;
  }
  return ordered;
}

// The primary of each partition, one of its homes; nullopt: not with these shares.
std::optional<HomeList> TryPrimaries(const HomeLists& homes, const std::vector<FairShare>& shares,
                                     std::size_t divisor, const HomeLists& today) {
  MinCostFlow flow;
  const auto source = flow.AddVertex();
  const auto sink = flow.AddVertex();
  std::vector<MinCostFlow::Vertex> vertices;
  std::int64_t least_of_all = 0;
  for (const FairShare& share : shares) {
    vertices.push_back(flow.AddVertex());
    const auto least = static_cast<std::int32_t>(share.Floor(divisor));
    const auto most = static_cast<std::int32_t>(share.Ceil(divisor));
    flow.AddEdge(vertices.back(), sink, least, 0);
    flow.AddEdge(vertices.back(), sink, most - least, kBeyondShare);
    least_of_all += least;
  }
  std::vector<std::vector<MinCostFlow::Edge>> edges(homes.size());
  for (std::size_t p = 0; p < homes.size(); ++p) {
    const auto partition = flow.AddVertex();
    flow.AddEdge(source, partition, 1, 0);
    for (const std::uint16_t home : homes[p]) {
      const bool stays = !today[p].empty() && today[p][0] == home;
      edges[p].push_back(flow.AddEdge(partition, vertices[home], 1, stays ? 0 : kMove));
    }
  }
  const auto wanted = static_cast<std::int64_t>(homes.size());
  const MinCostFlow::Sent sent = flow.Run(source, sink);
  if (sent.amount != wanted || sent.cost / kBeyondShare != wanted - least_of_all) {
    return std::nullopt;
  }
  HomeList primaries(homes.size());
  for (std::size_t p = 0; p < homes.size(); ++p) {
    for (std::size_t i = 0; i < homes[p].size(); ++i) {
      if (flow.FlowOn(edges[p][i]) > 0) primaries[p] = homes[p][i];
    }
  }
  return primaries;
}

HomeList Primaries(const std::vector<PlacementMember>& members, const FairShares& fair,
                   const HomeLists& homes, const HomeLists& today) {
  std::uint64_t weights = 0;
  for (const PlacementMember& member : members) weights += member.weight;
  std::vector<FairShare> by_weight;
  for (const PlacementMember& member : members) {
    by_weight.push_back({.amount = homes.size(), .weight = member.weight, .of = weights});
  }
  std::optional<HomeList> primaries = TryPrimaries(homes, by_weight, 1, today);
  if (!primaries) primaries = TryPrimaries(homes, fair.members, fair.replicas, today);
  CHECK(primaries.has_value());  // each home being primary of 1 / replicas of its lists is one way
  return *std::move(primaries);
}

// The primary first, then homes on racks not seen yet, else in the order they have.
HomeList WithPrimary(HomeList homes, std::uint16_t primary, const FairShares& fair) {
  std::iter_swap(homes.begin(), std::find(homes.begin(), homes.end(), primary));
  std::set<std::size_t> seen = {fair.rack_of[primary]};
  for (auto at = homes.begin() + 1; at != homes.end(); ++at) {
    const auto fresh = std::find_if(
        at, homes.end(), [&](std::uint16_t home) { return !seen.contains(fair.rack_of[home]); });
    if (fresh != homes.end()) std::rotate(at, fresh, fresh + 1);
    seen.insert(fair.rack_of[*at]);
  }
  return homes;
}

}  // namespace

HomeLists PlacePartitions(const std::vector<PlacementMember>& members, std::size_t replicas,
                          const HomeLists& today) {
  const FairShares fair = ShareFairly(members, today.size(), replicas);
  HomeLists homes = Homes(members, fair, today).Choose();
  for (std::size_t p = 0; p < homes.size(); ++p) homes[p] = InOrder(today[p], homes[p]);
  const HomeList primaries = Primaries(members, fair, homes, today);
  for (std::size_t p = 0; p < homes.size(); ++p) {
    homes[p] = WithPrimary(std::move(homes[p]), primaries[p], fair);
  }
  return homes;
}

MoveCount CountMoves(const HomeLists& from, const HomeLists& to, std::size_t members) {
  CHECK(from.size() == to.size());
  std::vector<std::size_t> before(members);
  std::vector<std::size_t> after(members);
  MoveCount count;
  for (std::size_t p = 0; p < to.size(); ++p) {
    for (const std::uint16_t home : from[p]) ++before[home];
    for (const std::uint16_t home : to[p]) {
      ++after[home];
      if (!Contains(from[p], home)) ++count.moved;
    }
  }
  for (std::size_t i = 0; i < members; ++i) {
    if (after[i] > before[i]) count.least += after[i] - before[i];
  }
  return count;
}

}  // namespace carillon
