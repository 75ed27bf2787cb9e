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

void ReplicaWrites::Start(ReplicaWrite message, const std::string& bucket, Outbox* out) {
  const Scene& scene = out->scene();
  const ClusterState& state = *scene.state;
  *this = ReplicaWrites();
  message_ = std::move(message);
  version_ = state.version;
  const PartitionId partition = PlaceOf(message_).partition;
  const PartitionHomes& homes = state.placement[partition.value()];
  const BucketRules rules = scene.RulesOf(bucket);
  quorums_ = WriteQuorumsOf(homes, rules);
  if (scene.mutations.dual_acks_old_only) quorums_.resize(rules.before ? 2 : 1);
  const std::vector<MemberIndex> members = WriteSetsOf(homes, rules.MostHomes()).members;
  fallbacks_ = FallbacksOf(
      state, partition, members, kMaxFallbacks * members.size(), [&](MemberIndex member) {
        return scene.IsUp(member) && state.members[member].role != MemberRole::kLeaving;
      });
  fallback_at_ = scene.time.now + kFallbackAfter;
  give_up_at_ = scene.time.now + kGiveUpAfter;
  for (const MemberIndex home : members) slots_.push_back({.home = home});
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
  Judge();
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

bool ReplicaWrites::IsMet(const Quorum& quorum) const {
  const std::vector<MemberIndex>& homes = quorum.homes;
  const auto acked = std::count_if(slots_.begin(), slots_.end(), [&](const Slot& slot) {
    return slot.acked && std::find(homes.begin(), homes.end(), slot.home) != homes.end();
  });
  return acked >= quorum.wanted;
}

bool ReplicaWrites::CanBeMet(const Quorum& quorum) const {
  const std::vector<MemberIndex>& homes = quorum.homes;
  const auto able = std::count_if(slots_.begin(), slots_.end(), [&](const Slot& slot) {
    return (slot.acked || slot.waiting > 0) &&
           std::find(homes.begin(), homes.end(), slot.home) != homes.end();
  });
  return able >= quorum.wanted;
}

void ReplicaWrites::Judge() {
  if (verdict_ != Verdict::kWaiting) return;
  const auto all = [&](auto is) {
    return std::all_of(quorums_.begin(), quorums_.end(),
                       [&](const Quorum& quorum) { return (this->*is)(quorum); });
  };
  if (all(&ReplicaWrites::IsMet)) {
    verdict_ = Verdict::kMet;
  } else if (!all(&ReplicaWrites::CanBeMet)) {
    verdict_ = Verdict::kLost;
    error_ = Annotate(error_, fmt::format("{} of {} homes acknowledged", acks_, slots_.size()));
  }
}

}  // namespace carillon
