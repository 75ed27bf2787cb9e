#include "tests/sim/cluster/checkers/ring_checker.h"

#include <set>

namespace carillon {
namespace {

std::uint64_t MovesDone(const ClusterState& before, const ClusterState& after) {
  std::uint64_t done = 0;
  for (std::size_t p = 0; p < before.placement.size() && p < after.placement.size(); ++p) {
    done +=
        before.placement[p].phase != Phase::kStable && after.placement[p].phase == Phase::kStable;
  }
  return done;
}

}  // namespace

std::optional<std::string> RingChecker::Observe(std::size_t node, const SharedState& state) {
  StateVersion& last = of_node_[node];
  if (state->version < last) {
    return fmt::format("I8: node {} went back from version {} to {}", node, last, state->version);
  }
  last = state->version;
  const auto [it, fresh] =
      known_.try_emplace(state->version, Known{.hash = state.hash, .previous = state->previous});
  if (!fresh) {
    if (it->second.hash == state.hash) return std::nullopt;
    return fmt::format("I8: node {} has another state of version {}", node, state->version);
  }
  const auto before = known_.find(StateVersion(state->version.value() - 1));
  if (before != known_.end() && before->second.hash != state->previous) {
    return fmt::format("I8: version {} does not follow version {}", state->version, before->first);
  }
  for (std::size_t p = 0; p < state->placement.size(); ++p) {
    const auto& homes = state->placement[p].homes;
    const std::set<std::uint16_t> distinct(homes.begin(), homes.end());
    if (homes.empty() || distinct.size() != homes.size() ||
        *distinct.rbegin() >= state->members.size()) {
      return fmt::format("I8: partition {} of version {} has bad homes", p, state->version);
    }
  }
  if (!newest_ || newest_->version < state->version) {
    if (newest_) moves_done_ += MovesDone(*newest_, *state);
    newest_ = state;
  }
  return std::nullopt;
}

}  // namespace carillon
