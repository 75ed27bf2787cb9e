#include "server/node/sync_schedule.h"

#include <algorithm>

#include "ring/settling.h"

namespace carillon {
namespace {

constexpr Duration kNever = std::chrono::hours(1);
constexpr Duration kOfferForgottenAfter = std::chrono::minutes(2);

bool Contains(const std::vector<MemberIndex>& list, MemberIndex member) {
  return std::find(list.begin(), list.end(), member) != list.end();
}

}  // namespace

std::string_view ToString(SyncReason reason) {
  switch (reason) {
    case SyncReason::kMove:
      return "move";
    case SyncReason::kSettle:
      return "settle";
    case SyncReason::kHandoff:
      return "handoff";
    case SyncReason::kAntiEntropy:
      return "anti-entropy";
  }
  return "?";
}

void SyncSchedule::Want(const PullKey& key, SyncReason reason, Instant not_before) {
  if (running_.contains(key)) return;
  const auto [it, fresh] =
      wanted_.try_emplace(key, Wanted{.reason = reason, .not_before = not_before});
  if (fresh || reason >= it->second.reason) return;
  it->second = {.reason = reason, .not_before = not_before};
}

namespace {

// A home that is gone for good (being removed, and dead) is not waited for. One that only leaves
// is, though it seems dead: it may have what the others have not.
auto Gone(const Scene& scene) {
  return [&scene](MemberIndex home) {
    return IsGoneForGood(scene.state->members[home]) &&
           scene.reachability->IsDead(scene.NodeOf(home));
  };
}

}  // namespace

bool SyncSchedule::HasEnough(const PartitionHomes& partition, const Move& move,
                             const Scene& scene) const {
  if (scene.mutations.one_source) return !move.pulled.empty();
  const auto pulled = [&](MemberIndex home) { return move.pulled.contains(scene.NodeOf(home)); };
  return rules_.HasEnough(partition, scene.self, pulled, Gone(scene));
}

bool SyncSchedule::HasEnoughToSettle(const PartitionHomes& partition, const Move& settle,
                                     const Scene& scene) const {
  const auto pulled = [&](MemberIndex home) { return settle.pulled.contains(scene.NodeOf(home)); };
  if (scene.mutations.settles_unpulled) return true;
  return rules_.HasSettled(partition, scene.self, pulled, Gone(scene));
}

void SyncSchedule::WantMoves(const Scene& scene) {
  for (std::size_t p = 0; p < scene.state->placement.size(); ++p) {
    const PartitionHomes& partition = scene.state->placement[p];
    const PartitionId id(static_cast<std::uint16_t>(p));
    if (!rules_.MustGet(partition, scene.self)) {
      moves_.erase(id);
      continue;
    }
    Move& move = moves_[id];
    if (move.changed != partition.changed) move = {.changed = partition.changed, .pulled = {}};
    if (HasEnough(partition, move, scene)) continue;
    for (const MemberIndex home : partition.homes) {
      const NodeId& source = scene.NodeOf(home);
      if (home != scene.self && !move.pulled.contains(source)) {
        Want({.partition = id, .source = source}, SyncReason::kMove, scene.time.now);
      }
    }
  }
}

// A partition that was had once since the change stays had, whatever its phase comes to: who stays
// a home gets what is written, and who becomes one again pulls.
void SyncSchedule::WantSettling(const Scene& scene) {
  const StateVersion since = scene.state->settling ? scene.state->settling->since : StateVersion();
  if (since != settling_since_) {
    settles_.clear();
    settled_.clear();
    settling_since_ = since;
  }
  if (!scene.state->settling) return;
  for (std::size_t p = 0; p < scene.state->placement.size(); ++p) {
    const PartitionHomes& partition = scene.state->placement[p];
    const PartitionId id(static_cast<std::uint16_t>(p));
    if (!Contains(WriteSetsOf(partition, kMaxReplicas).members, scene.self)) {
      settles_.erase(id);
      settled_.erase(id);
      continue;
    }
    Move& settle = settles_[id];
    if (settle.changed != partition.changed) settle = {.changed = partition.changed, .pulled = {}};
    if (HasEnoughToSettle(partition, settle, scene)) settled_.insert(id);
    if (settled_.contains(id)) continue;
    const bool reads_next = partition.phase == Phase::kReadNew;
    for (const MemberIndex home : reads_next ? partition.next : partition.homes) {
      const NodeId& source = scene.NodeOf(home);
      if (home != scene.self && !settle.pulled.contains(source)) {
        Want({.partition = id, .source = source}, SyncReason::kSettle, scene.time.now);
      }
    }
  }
}

void SyncSchedule::WantAntiEntropy(const Scene& scene) {
  for (std::size_t p = 0; p < scene.state->placement.size(); ++p) {
    const PartitionHomes& partition = scene.state->placement[p];
    const WriteSets sets = WriteSetsOf(partition, kMaxReplicas);
    if (!Contains(sets.members, scene.self)) continue;
    for (const MemberIndex home : sets.members) {
      if (home == scene.self || !scene.IsUp(home)) continue;
      Want({.partition = PartitionId(static_cast<std::uint16_t>(p)), .source = scene.NodeOf(home)},
           SyncReason::kAntiEntropy, scene.time.now);
    }
  }
}

void SyncSchedule::WantAntiEntropyNow(const Scene& scene) {
  WantAntiEntropy(scene);
  wake_at_ = scene.time.now;
}

void SyncSchedule::HandleNewState(const Scene& scene) {
  rules_ = ReplicaRules(*scene.state);
  // What was pulled before this node gave the partition away says nothing of what it has.
  std::erase_if(offered_, [&](const auto& one) {
    return !IsSensible(one.first, SyncReason::kHandoff, scene);
  });
  WantMoves(scene);
  WantSettling(scene);
  wake_at_ = scene.time.now;
}

void SyncSchedule::HandleNewNumbers() {
  wanted_.clear();
  running_.clear();
  moves_.clear();
  settles_.clear();
  settled_.clear();
  offered_.clear();
}

OfferReply SyncSchedule::HandleOffer(PartitionId partition, const NodeId& source,
                                     const Scene& scene) {
  const PullKey key{.partition = partition, .source = source};
  Offered& offered = offered_[key];
  offered.asked_at = scene.time.now;
  const OfferReply reply{.done = offered.done, .total = offered.total};
  // Each answer is good once: by the next offer there may be more to pull.
  offered.done = false;
  Want(key, SyncReason::kHandoff, scene.time.now);
  wake_at_ = scene.time.now;
  return reply;
}

bool SyncSchedule::IsSensible(const PullKey& key, SyncReason reason, const Scene& scene) const {
  if (key.partition.value() >= scene.state->placement.size()) return false;
  const PartitionHomes& partition = scene.state->placement[key.partition.value()];
  const auto source = scene.state->IndexOf(key.source);
  if (!source) return false;
  if (reason == SyncReason::kMove) {
    return rules_.MustGet(partition, scene.self) && Contains(partition.homes, *source);
  }
  if (reason == SyncReason::kSettle && settled_.contains(key.partition)) return false;
  return Contains(WriteSetsOf(partition, kMaxReplicas).members, scene.self);
}

// Two sources of a partition at once would both send what is missing: the second one, asked when
// the first is done, has little left to send.
bool SyncSchedule::IsPulling(PartitionId partition) const {
  const auto first = running_.lower_bound({.partition = partition, .source = NodeId()});
  return first != running_.end() && first->first.partition == partition;
}

std::optional<SyncSchedule::Pull> SyncSchedule::Next(const Scene& scene) {
  if (running_.size() >= options_.max_running) return std::nullopt;
  std::erase_if(wanted_,
                [&](const auto& one) { return !IsSensible(one.first, one.second.reason, scene); });
  auto best = wanted_.end();
  for (auto it = wanted_.begin(); it != wanted_.end(); ++it) {
    if (it->second.not_before > scene.time.now || IsPulling(it->first.partition)) continue;
    if (best == wanted_.end() || it->second.reason < best->second.reason) best = it;
  }
  if (best == wanted_.end()) return std::nullopt;
  const Pull pull{.key = best->first,
                  .reason = best->second.reason,
                  .bytes_per_second = options_.bytes_per_second / options_.max_running};
  wanted_.erase(best);
  running_.emplace(pull.key, Running{.reason = pull.reason, .began = scene.state->version});
  return pull;
}

void SyncSchedule::Ended(const PullKey& key, const Status& status, const DigestLine& total,
                         const Scene& scene) {
  const auto running = running_.find(key);
  if (running == running_.end()) return;
  const SyncReason reason = running->second.reason;
  const StateVersion began = running->second.began;
  running_.erase(running);
  wake_at_ = scene.time.now;
  if (!status.ok()) {
    // Anti-entropy has its next turn anyway.
    if (reason != SyncReason::kAntiEntropy) {
      Want(key, reason, scene.time.now + options_.retry_after);
    }
    return;
  }
  for (auto* moves : {&moves_, &settles_}) {
    const auto move = moves->find(key.partition);
    // What was pulled before the source knew of the change may miss what it took since; and
    // anti-entropy leaves out claims.
    if (move != moves->end() && began >= move->second.changed &&
        reason != SyncReason::kAntiEntropy) {
      move->second.pulled.insert(key.source);
    }
  }
  WantSettling(scene);
  const auto offered = offered_.find(key);
  if (offered != offered_.end()) {
    offered->second.done = true;
    offered->second.total = total;
  }
}

void SyncSchedule::Tick(const Scene& scene) {
  const Instant now = scene.time.now;
  WantMoves(scene);
  WantSettling(scene);
  if (now >= anti_entropy_at_) {
    if (anti_entropy_at_ != Instant{}) WantAntiEntropy(scene);
    const auto jitter = std::chrono::milliseconds(random_->Below(1000));
    anti_entropy_at_ = now + options_.anti_entropy_period + jitter;
  }
  std::erase_if(offered_,
                [&](const auto& one) { return one.second.asked_at + kOfferForgottenAfter < now; });
  wake_at_ = std::min(anti_entropy_at_, now + kNever);
  for (const auto& [key, wanted] : wanted_) {
    if (wanted.not_before > now) wake_at_ = std::min(wake_at_, wanted.not_before);
  }
}

bool SyncSchedule::HasSettled(const Scene& scene) const {
  if (!scene.state->settling || scene.state->settling->since != settling_since_) return false;
  const std::vector<MemberIndex> waits = WaitsToSettle(*scene.state);
  return Contains(waits, scene.self) && settled_.size() == settles_.size();
}

std::vector<PartitionId> SyncSchedule::ReadyIn(Phase phase, const Scene& scene) const {
  std::vector<PartitionId> ready;
  for (const auto& [id, move] : moves_) {
    if (id.value() >= scene.state->placement.size()) continue;
    const PartitionHomes& partition = scene.state->placement[id.value()];
    if (partition.phase != phase || move.changed != partition.changed) continue;
    if (!rules_.MustGet(partition, scene.self) || Contains(partition.ready, scene.self)) continue;
    if (HasEnough(partition, move, scene)) ready.push_back(id);
  }
  return ready;
}

}  // namespace carillon
