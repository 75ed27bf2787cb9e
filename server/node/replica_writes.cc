#include "server/node/replica_writes.h"

#include <algorithm>

namespace carillon {
namespace {

// Whether another node may do better than the one that said this.
bool IsWorthAnother(const Status& status) {
  const StatusCode code = status.code();
  return code != StatusCode::kAlreadyExists && code != StatusCode::kInvalidArgument &&
         code != StatusCode::kOutOfRange && code != StatusCode::kNotFound;
}

const StorePlace& PlaceOf(const ReplicaWrite& message) {
  return std::visit([](const auto& write) -> const StorePlace& { return write.place; }, message);
}

}  // namespace

void ReplicaWrites::Start(ReplicaWrite message, const BucketProperties& bucket, Outbox* out) {
  const Scene& scene = out->scene();
  const ClusterState& state = *scene.state;
  *this = ReplicaWrites();
  message_ = std::move(message);
  version_ = state.version;
  wanted_w_ = bucket.AcksWanted();
  const PartitionId partition = PlaceOf(message_).partition;
  sets_ = WriteSetsOf(state.placement[partition.value()], bucket.n_val);
  fallbacks_ =
      FallbacksOf(state, partition, sets_.members, kMaxFallbacks * sets_.members.size(),
                  [&](MemberIndex member) {
                    return scene.IsUp(member) && state.members[member].role != MemberRole::kLeaving;
                  });
  fallback_at_ = scene.time.now + kFallbackAfter;
  give_up_at_ = scene.time.now + kGiveUpAfter;
  for (const MemberIndex home : sets_.members) slots_.push_back({.home = home});
  for (std::size_t slot = 0; slot < slots_.size(); ++slot) {
    const MemberIndex home = slots_[slot].home;
    if (scene.IsUp(home) || !AskFallback(slot, out)) Ask(slot, home, out);
  }
  out->WakeAt(fallback_at_);
}

void ReplicaWrites::Ask(std::size_t slot, MemberIndex member, Outbox* out) {
  asked_.push_back({.operation = out->Write(member, message_), .slot = slot});
  ++slots_[slot].waiting;
  if (member != out->scene().self) ++sent_to_others_;
}

bool ReplicaWrites::AskFallback(std::size_t slot, Outbox* out) {
  if (fallbacks_.empty() || slots_[slot].fallbacks >= kMaxFallbacks) return false;
  const MemberIndex member = fallbacks_.front();
  fallbacks_.erase(fallbacks_.begin());
  ++slots_[slot].fallbacks;
  Ask(slot, member, out);
  return true;
}

void ReplicaWrites::Handle(const WriteDone& done, Outbox* out) {
  const auto found = std::find_if(asked_.begin(), asked_.end(), [&](const Asked& asked) {
    return asked.operation == done.operation;
  });
  if (found == asked_.end()) return;
  const std::size_t index = found->slot;
  asked_.erase(found);
  Slot& slot = slots_[index];
  --slot.waiting;
  if (done.status.ok()) {
    if (!slot.acked) ++acks_;
    slot.acked = true;
    already_stored_ = already_stored_ || done.already_stored;
  } else if (done.stale_ring) {
    if (verdict_ == Verdict::kWaiting) verdict_ = Verdict::kStale;
  } else {
    error_ = done.status;
    if (!IsWorthAnother(done.status)) {
      if (verdict_ == Verdict::kWaiting) verdict_ = Verdict::kLost;
    } else if (!slot.acked && verdict_ != Verdict::kLost) {
      AskFallback(index, out);
    }
  }
  Judge(*out);
}

void ReplicaWrites::HandleTime(Outbox* out) {
  const Instant now = out->scene().time.now;
  if (verdict_ == Verdict::kWaiting && now >= give_up_at_) {
    verdict_ = Verdict::kLost;
    if (error_.ok()) error_ = DeadlineExceeded("{} homes acknowledged, too few in time", acks_);
    return;
  }
  if (now < fallback_at_) return;
  if (verdict_ == Verdict::kWaiting || verdict_ == Verdict::kMet) {
    for (std::size_t i = 0; i < slots_.size(); ++i) {
      if (!slots_[i].acked && slots_[i].waiting > 0) AskFallback(i, out);
    }
  }
  if (verdict_ == Verdict::kWaiting) out->WakeAt(give_up_at_);
}

bool ReplicaWrites::IsMet(const std::vector<MemberIndex>& set) const {
  const auto acked = std::count_if(slots_.begin(), slots_.end(), [&](const Slot& slot) {
    return slot.acked && std::find(set.begin(), set.end(), slot.home) != set.end();
  });
  return static_cast<std::size_t>(acked) >= std::min<std::size_t>(wanted_w_, set.size());
}

bool ReplicaWrites::CanBeMet(const std::vector<MemberIndex>& set) const {
  const auto able = std::count_if(slots_.begin(), slots_.end(), [&](const Slot& slot) {
    return (slot.acked || slot.waiting > 0) &&
           std::find(set.begin(), set.end(), slot.home) != set.end();
  });
  return static_cast<std::size_t>(able) >= std::min<std::size_t>(wanted_w_, set.size());
}

void ReplicaWrites::Judge(const Outbox& out) {
  if (verdict_ != Verdict::kWaiting) return;
  const bool old_only = out.scene().mutations.dual_acks_old_only;
  if (IsMet(sets_.homes) && (IsMet(sets_.next) || old_only)) {
    verdict_ = Verdict::kMet;
  } else if (!CanBeMet(sets_.homes) || !CanBeMet(sets_.next)) {
    verdict_ = Verdict::kLost;
    error_ = Annotate(error_, fmt::format("{} of {} homes acknowledged", acks_, slots_.size()));
  }
}

}  // namespace carillon
