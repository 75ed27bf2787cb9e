#include "ring/member_index.h"

#include <algorithm>

#include "base/check.h"

namespace carillon {
namespace {

template <typename Change>
void ForEachIndex(ClusterState* state, Change change) {
  for (PartitionHomes& partition : state->placement) {
    for (auto* list : {&partition.homes, &partition.next, &partition.ready, &partition.target}) {
      for (std::uint16_t& index : *list) change(&index);
    }
  }
  if (state->settling) {
    for (std::uint16_t& index : state->settling->ready) change(&index);
  }
  if (!state->plan) return;
  for (auto& homes : state->plan->targets) {
    for (std::uint16_t& index : homes) change(&index);
  }
}

}  // namespace

void InsertMember(ClusterState* state, Member member) {
  CHECK(state->members.size() < kMaxMembers);
  CHECK(state->FindMember(member.node) == nullptr);
  const auto after = std::find_if(state->members.begin(), state->members.end(),
                                  [&](const Member& other) { return other.node > member.node; });
  const auto at = static_cast<std::uint16_t>(after - state->members.begin());
  state->members.insert(after, std::move(member));
  ForEachIndex(state, [at](std::uint16_t* index) {
    if (*index >= at) ++*index;
  });
}

bool OwnsOrWillOwn(const ClusterState& state, std::uint16_t index) {
  const auto in = [index](const std::vector<std::uint16_t>& list) {
    return std::find(list.begin(), list.end(), index) != list.end();
  };
  return std::any_of(state.placement.begin(), state.placement.end(),
                     [&](const PartitionHomes& partition) {
                       return in(partition.homes) || in(partition.next) || in(partition.target);
                     });
}

void EraseMember(ClusterState* state, std::uint16_t index) {
  CHECK(!OwnsOrWillOwn(*state, index));
  const NodeId node = state->members[index].node;
  state->members.erase(state->members.begin() + index);
  std::erase_if(state->staged, [&](const StagedChange& change) {
    return change.node == node || change.other == node;
  });
  state->plan.reset();
  if (state->settling) std::erase(state->settling->ready, index);
  ForEachIndex(state, [index](std::uint16_t* other) {
    if (*other > index) --*other;
  });
}

}  // namespace carillon
