// Two processes with one identity: what this node makes of it, of itself and of others.
#include <algorithm>

#include "server/node/ring_control.h"

namespace carillon {
namespace {

constexpr Duration kLookForRuling = std::chrono::seconds(5);

}  // namespace

bool RingControl::IsCopy(const PeerSender& sender) const {
  const Peer* peer = swim_.table().Find(sender.node);
  if (peer == nullptr || peer->boot.id == 0 || sender.boot.id == 0) return false;
  return sender.boot.counter < peer->boot.counter || IsOtherLife(sender.boot, peer->boot);
}

void RingControl::HearOfOther(const BootId& other, Outbox* out) {
  const BootId& own = swim_.boot();
  if (other.counter != 0 && other.counter < own.counter) return;  // it is the older one
  switch (guard_.HearOfOther(other)) {
    case IdentityGuard::Advice::kNothing:
      return;
    case IdentityGuard::Advice::kSilence:
      out->Do(Alarm{.text = guard_.refusal()});
      SaveWhatIsDue(out);
      return WaitForRuling(out);
    case IdentityGuard::Advice::kContend: {
      const std::uint64_t ruled = committed()->FindMember(self_)->life.counter;
      const std::uint64_t counter = std::max({own.counter, ruled + 1, other.counter + 1});
      return AskForRuling(self_, {.counter = counter, .id = own.id}, out);
    }
    case IdentityGuard::Advice::kInsist:
      if (other.counter != 0) swim_.RaiseLife(out->scene().time.now, other.counter + 1);
      return;
  }
}

// The ring may have said which process is this node.
void RingControl::AdoptRuling(Outbox* out) {
  const bool was_refused = refused();
  const bool changed = guard_.HandleState(*committed());
  if (changed && refused()) {
    out->Do(Alarm{.text = guard_.refusal()});
    return;
  }
  const Member* member = committed()->FindMember(self_);
  if (guard_.IsRuled() && member != nullptr) {
    swim_.RaiseLife(out->scene().time.now, member->life.counter);
  }
  if (!was_refused || refused()) return;
  out->Do(Alarm{.text = "the ring has ruled that this process is the node: it serves again"});
  wait_until_.reset();
  SaveWhatIsDue(out);
  SwimEffects effects;
  swim_.Start(out->scene().time.now, &effects);
  Carry(std::move(effects), out);
}

// Every member that notices proposes; the first wins, and the others find it done.
void RingControl::AskForRuling(const NodeId& node, const BootId& life, Outbox* out) {
  if (asking_for_ruling_ || !WithLife(*committed(), node, life).ok()) return;
  asking_for_ruling_ = true;
  const auto maker = [this, node, life](const ClusterState& state) -> StatusOr<ClusterState> {
    const Member* member = state.FindMember(node);
    const bool is_lost = node == self_ && member != nullptr && !guard_.IsOwn(member->life.id);
    if (is_lost) return FailedPrecondition("another process was ruled to be this node");
    return WithLife(state, node, life);
  };
  Propose(
      std::nullopt, std::nullopt, maker,
      [this](const Outcome& /*outcome*/, Outbox* /*out*/) { asking_for_ruling_ = false; }, out);
}

// One save at a time: of the register, or of the dispute.
void RingControl::SaveWhatIsDue(Outbox* out) {
  if (saving_ || saving_dispute_) return;
  if (save_next_) return Do(*std::exchange(save_next_, std::nullopt), out);
  if (guard_.dispute() == saved_dispute_) return;
  saving_as_ = guard_.dispute();
  saving_dispute_ = out->Begin();
  out->Do(SaveRing{.operation = *saving_dispute_, .what = saving_as_});
}

void RingControl::WaitForRuling(Outbox* out) {
  const bool waits = refused() || guard_.dispute() != saved_dispute_;
  wait_until_ = waits ? std::optional(out->scene().time.now + kLookForRuling) : std::nullopt;
  SaveWhatIsDue(out);
  if (refused()) AskForNewerState(out);
}

}  // namespace carillon
