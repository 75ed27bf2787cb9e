#include "server/node/handoff.h"

#include <algorithm>

#include "ring/replica_rules.h"

namespace carillon {

void Handoff::Start(Outbox* out) {
  if (state_ == State::kNew) Rest(Duration(0), out);  // what it holds from an earlier life
}

void Handoff::Rest(Duration pause, Outbox* out) {
  state_ = State::kIdle;
  look_at_ = out->scene().time.now + pause;
  out->WakeAt(look_at_);
}

void Handoff::HandleNewState(Outbox* out) {
  has_looked_ = false;
  if (state_ == State::kIdle) Rest(kRoundPause, out);
}

void Handoff::HandleNewNumbers(Outbox* out) {
  if (state_ == State::kNew) return;
  has_looked_ = false;
  holds_.clear();
  out->scene().foreign->Forget();
  left_.clear();
  offers_.clear();
  have_.clear();
  Rest(kRoundPause, out);
}

void Handoff::HandleTime(Outbox* out) {
  if (state_ != State::kIdle || out->scene().time.now < look_at_) return;
  state_ = State::kLooking;
  looked_under_ = out->scene().state->version;
  out->scene().foreign->BeginLook();
  out->Do(ListHeld{.operation = out->Begin()});
}

bool Handoff::IsForeign(PartitionId partition, const Scene& scene) const {
  if (partition.value() >= scene.state->placement.size()) return false;
  const WriteSets sets = WriteSetsOf(scene.state->placement[partition.value()], kMaxReplicas);
  return std::find(sets.members.begin(), sets.members.end(), scene.self) == sets.members.end();
}

// Scans show what is held for others from here on.
void Handoff::TellForeign(Outbox* out) const {
  const Scene& scene = out->scene();
  const auto is_home = [&](PartitionId partition) {
    return partition.value() < scene.state->placement.size() && !IsForeign(partition, scene);
  };
  const auto is_whole = [&](PartitionId partition) {
    const WriteSets sets = WriteSetsOf(scene.state->placement[partition.value()], kMaxReplicas);
    return std::all_of(sets.members.begin(), sets.members.end(),
                       [&](MemberIndex home) { return scene.IsUp(home); });
  };
  scene.foreign->EndLook(holds_, scene.time.now, is_home, is_whole);
}

void Handoff::Handle(HeldDone done, Outbox* out) {
  if (state_ != State::kLooking) return;
  if (!done.status.ok()) {  // what is held is not known: no less than before
    has_looked_ = false;
    return Rest(kRoundPause, out);
  }
  holds_.clear();
  for (const PartitionId partition : done.partitions) {
    if (IsForeign(partition, out->scene())) holds_.insert(partition);
  }
  TellForeign(out);
  has_looked_ = looked_under_ == out->scene().state->version;
  left_.assign(holds_.begin(), holds_.end());
  Next(out);
}

void Handoff::Next(Outbox* out) {
  if (left_.empty()) return Rest(holds_.empty() ? kIdlePause : kRoundPause, out);
  state_ = State::kSumming;
  out->Do(ListDigests{.operation = out->Begin(), .partition = left_.front()});
}

void Handoff::Handle(DigestsDone done, Outbox* out) {
  if (state_ != State::kSumming) return;
  total_ = {};
  for (const DigestLine& line : done.lines) {
    total_.count += line.count;
    total_.sum.low ^= line.sum.low;
    total_.sum.high ^= line.sum.high;
  }
  if (!done.status.ok() || !IsForeign(left_.front(), out->scene())) {
    left_.pop_front();
    return Next(out);
  }
  Offer(out);
}

void Handoff::Offer(Outbox* out) {
  const Scene& scene = out->scene();
  state_ = State::kOffering;
  have_.clear();
  offers_.clear();
  const WriteSets sets = WriteSetsOf(scene.state->placement[left_.front().value()], kMaxReplicas);
  for (const MemberIndex home : sets.members) {
    const NodeId& node = scene.NodeOf(home);
    if (scene.reachability->IsDead(node)) continue;
    offers_.emplace(out->Ask(node, SyncOffer{.partition = left_.front()}), node);
  }
  if (offers_.empty()) Judge(out);
}

void Handoff::Handle(PeerReplied replied, Outbox* out) {
  const auto offer = offers_.find(replied.operation);
  if (offer == offers_.end()) return;
  const auto* reply = std::get_if<OfferReply>(&replied.reply.value);
  if (replied.reply.status.ok() && reply != nullptr && reply->done && reply->total == total_) {
    have_.insert(offer->second);
  }
  offers_.erase(offer);
  if (offers_.empty() && state_ == State::kOffering) Judge(out);
}

void Handoff::Judge(Outbox* out) {
  const Scene& scene = out->scene();
  const PartitionId partition = left_.front();
  const ReplicaRules rules(*scene.state);
  const auto enough = [&](const std::vector<MemberIndex>& set) {
    const auto has = [&](MemberIndex home) { return have_.contains(scene.NodeOf(home)); };
    if (scene.mutations.drop_hint_early && std::any_of(set.begin(), set.end(), has)) return true;
    return rules.AreDurable(set, has);
  };
  const WriteSets sets = WriteSetsOf(scene.state->placement[partition.value()], kMaxReplicas);
  if (IsForeign(partition, scene) && enough(sets.homes) && enough(sets.next)) {
    state_ = State::kDropping;
    out->Do(DropPartition{.operation = out->Begin(), .partition = partition, .total = total_});
    return;
  }
  left_.pop_front();
  Next(out);
}

void Handoff::Handle(const DropDone& done, Outbox* out) {
  if (state_ != State::kDropping) return;
  if (done.status.ok() && done.dropped) {
    holds_.erase(left_.front());
    ++dropped_;
  }
  left_.pop_front();
  Next(out);
}

}  // namespace carillon
