#pragma once

#include <string>
#include <vector>

#include "ring/change_plan.h"
#include "ring/cluster_state.h"
#include "ring/ownership.h"
#include "ring/staging.h"

// Small rings for tests.
namespace carillon {

inline Uuid TestUuid(std::uint8_t last) {
  Uuid uuid;
  uuid.bytes[0] = 7;
  uuid.bytes[15] = last;
  return uuid;
}

inline NodeId TestNode(std::uint8_t number) {
  return NodeId(TestUuid(number));
}

// n<number> at h<number>:1.
inline Member TestMember(std::uint8_t number, std::string rack = "r0") {
  return {.node = TestNode(number),
          .name = fmt::format("n{}", number),
          .address = fmt::format("h{}:1", number),
          .rack = std::move(rack)};
}

// A ring of nodes 10, 20, ..., all normal, with balanced homes; nothing staged. Each on the rack
// "r<i % racks>".
inline ClusterState RingOf(std::size_t members, std::uint32_t bits = 3, std::size_t racks = 1) {
  const auto number = [](std::size_t i) { return static_cast<std::uint8_t>(10 * (i + 1)); };
  ClusterState state = FirstState(TestUuid(1), TestMember(10), bits);
  std::vector<PlacementMember> placed;
  state.members.clear();
  for (std::size_t i = 0; i < members; ++i) {
    state.members.push_back(TestMember(number(i), fmt::format("r{}", i % racks)));
    placed.push_back({.weight = 100, .rack = static_cast<std::uint32_t>(i % racks)});
  }
  const HomeLists lists =
      PlacePartitions(placed, state.MaxReplicas(), HomeLists(state.partitions()));
  for (std::size_t p = 0; p < lists.size(); ++p) state.placement[p].homes = lists[p];
  return state;
}

inline ClusterState Planned(const ClusterState& state, const PlanFacts& facts = {}) {
  const auto plan = MakePlan(state, facts);
  if (!plan.ok()) return state;
  return *WithPlanSaved(state, *plan, TestUuid(99));
}

// Plans what is staged and commits it.
inline ClusterState Committed(const ClusterState& state, const PlanFacts& facts = {}) {
  return *WithPlanCommitted(Planned(state, facts), TestUuid(99));
}

// The names of who has a partition, in order: "n10 n30".
inline std::string NamesOf(const ClusterState& state, const std::vector<std::uint16_t>& homes) {
  std::string names;
  for (const std::uint16_t home : homes) {
    names += (names.empty() ? "" : " ") + state.members[home].name;
  }
  return names;
}

// All that are in `next` say that they are ready.
inline ClusterState AllReady(ClusterState state) {
  for (const Phase phase : {Phase::kDual, Phase::kReadNew}) {
    for (const Member& member : std::vector<Member>(state.members)) {
      std::vector<PartitionId> all;
      for (std::size_t p = 0; p < state.partitions(); ++p) {
        all.emplace_back(static_cast<std::uint16_t>(p));
      }
      auto next = WithReady(state, member.node, all, phase);
      if (next.ok()) state = *std::move(next);
    }
  }
  return state;
}

// Until nothing moves.
inline ClusterState Settled(ClusterState state, std::size_t max_moving = 4) {
  for (;;) {
    state = AllReady(std::move(state));
    auto next = NextStep(state, max_moving);
    if (!next) return state;
    state = *std::move(next);
  }
}

}  // namespace carillon
