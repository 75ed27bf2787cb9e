#include "ring/state_keeper.h"

#include <algorithm>

#include "base/check.h"

namespace carillon {

StateKeeper::StateKeeper(NodeId self, SharedState saved, WallTime when) : self_(self) {
  CHECK(saved);
  Install(std::move(saved), when);
}

StateVerdict StateKeeper::Judge(const SharedState& offered) const {
  const StateVerdict verdict = Judge(SummaryOf(offered));
  if (verdict != StateVerdict::kNewer) return verdict;
  if (offered->generation != committed_->generation) {
    return offered->IndexOf(self_) ? StateVerdict::kNewer : StateVerdict::kRefused;
  }
  const bool is_next = offered->version.value() == committed_->version.value() + 1;
  if (is_next && offered->previous != committed_.hash) return StateVerdict::kConflict;
  return StateVerdict::kNewer;
}

StateVerdict StateKeeper::Judge(const StateSummary& summary) const {
  if (summary.cluster != committed_->cluster) return StateVerdict::kRefused;
  if (summary.generation < committed_->generation) return StateVerdict::kRefused;
  if (summary.version > committed_->version) return StateVerdict::kNewer;
  if (summary.generation > committed_->generation) return StateVerdict::kConflict;
  const auto known = HashOfVersion(summary.version);
  return known && *known != summary.hash ? StateVerdict::kConflict : StateVerdict::kOlder;
}

void StateKeeper::Install(SharedState state, WallTime when) {
  CHECK(!committed_ || state->version > committed_->version);
  if (committed_ && state->generation > committed_->generation) frozen_.clear();
  committed_ = std::move(state);
  history_.push_back({.generation = committed_->generation,
                      .version = committed_->version,
                      .hash = committed_.hash,
                      .note = committed_->note,
                      .when = when});
  if (history_.size() > kMaxHistory) history_.pop_front();
}

void StateKeeper::Freeze(std::string why) {
  if (frozen_.empty()) frozen_ = std::move(why);
}

std::optional<Hash128Value> StateKeeper::HashOfVersion(StateVersion version) const {
  const auto found = std::lower_bound(
      history_.begin(), history_.end(), version,
      [](const StateRecord& record, StateVersion wanted) { return record.version < wanted; });
  if (found == history_.end() || found->version != version) return std::nullopt;
  if (found->generation != committed_->generation) return std::nullopt;
  return found->hash;
}

}  // namespace carillon
