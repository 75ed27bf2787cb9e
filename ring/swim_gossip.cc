// Swim: what is told, and to whom.
#include <algorithm>
#include <utility>

#include "ring/gossip_codec.h"
#include "ring/swim.h"

namespace carillon {
namespace {

constexpr std::size_t kUnscaledMembers = 32;
constexpr Duration kBudgetPeriod = std::chrono::seconds(1);
constexpr std::uint32_t kBudget = 16;  // reminders and tables sent unasked, a period
constexpr std::uint32_t kLastPart = 1;

}  // namespace

Rumor Swim::RumorOfSelf(Liveness liveness) const {
  return {
      .node = self_, .liveness = liveness, .boot = boot_, .incarnation = incarnation_, .from = {}};
}

void Swim::Tell(Instant now, const Rumor& rumor) {
  if (rumors_.empty()) next_gossip_ = std::max(next_gossip_, now);
  rumors_.Add(rumor);
}

void Swim::Leave(Instant now, SwimEffects* effects) {
  NoticePause(now, effects);
  is_leaving_ = true;
  probe_.reset();
  Tell(now, RumorOfSelf(Liveness::kLeft));
  Gossip(effects);
}

void Swim::Gossip(SwimEffects* effects) {
  const auto is_up = [](const Peer& peer) { return peer.IsUp(); };
  for (const Peer* peer : RandomPeers(options_.gossip_peers, is_up)) {
    if (rumors_.empty()) return;
    SendWithRumors(*peer, MessageTo(*peer, GossipKind::kGossip, 0), effects);
  }
}

// All that is known of members heard of, and of this node, in as many packets as it takes.
void Swim::SendTable(const Peer& peer, GossipKind kind, SwimEffects* effects) {
  GossipMessage part = MessageTo(peer, kind, 0);
  std::size_t bytes = GossipBytes(part);
  const auto add = [&](Rumor rumor) {
    if (rumor.liveness == Liveness::kSuspect) rumor.from = self_;
    const std::size_t size = GossipBytes(rumor);
    if (bytes + size > kMaxGossipMessageBytes || part.rumors.size() >= kMaxRumorsPerMessage) {
      Send(peer, std::exchange(part, MessageTo(peer, kind, 0)), effects);
      bytes = GossipBytes(part);
    }
    bytes += size;
    part.rumors.push_back(rumor);
  };
  add(RumorOfSelf(is_leaving_ ? Liveness::kLeft : Liveness::kAlive));
  for (const Peer& other : table_.peers()) {
    if (other.is_member && other.boot.counter > 0) add(RumorOf(other));
  }
  part.sequence = kLastPart;
  Send(peer, std::move(part), effects);
}

void Swim::HandleSync(Instant now, const GossipMessage& message, SwimEffects* effects) {
  if (message.sequence != kLastPart || !TakeFromBudget(now)) return;
  SendTable(*table_.Find(message.from), GossipKind::kSyncAnswer, effects);
}

// Tells a node what is believed of it, so that it can refute it, or learn that it is a copy.
void Swim::Remind(Instant now, const Peer& peer, SwimEffects* effects) {
  if (!TakeFromBudget(now)) return;
  GossipMessage message = MessageTo(peer, GossipKind::kGossip, 0);
  message.rumors.push_back(RumorOf(peer));
  if (peer.liveness == Liveness::kSuspect) message.rumors.back().from = self_;
  Send(peer, std::move(message), effects);
}

bool Swim::TakeFromBudget(Instant now) {
  if (now - budget_began_ >= kBudgetPeriod) {
    budget_began_ = now;
    budget_used_ = 0;
  }
  return budget_used_++ < kBudget;
}

GossipMessage Swim::MessageTo(const Peer& peer, GossipKind kind, std::uint32_t sequence) const {
  return {.kind = kind,
          .from = self_,
          .to = peer.node,
          .boot = boot_,
          .incarnation = incarnation_,
          .state = state_,
          .sequence = sequence,
          .target = {},
          .rumors = {}};
}

void Swim::SendWithRumors(const Peer& peer, GossipMessage message, SwimEffects* effects) {
  if (!rumors_.empty()) {
    const std::size_t room = kMaxGossipMessageBytes - GossipBytes(message);
    const auto rumors =
        rumors_.Take(room, TellingLimit(options_.telling_multiplier, table_.members() + 1));
    message.rumors.insert(message.rumors.end(), rumors.begin(), rumors.end());
  }
  Send(peer, std::move(message), effects);
}

void Swim::Send(const Peer& peer, GossipMessage message, SwimEffects* effects) {
  if (peer.address.empty()) return;
  ++counters_.packets_sent;
  counters_.bytes_sent += GossipBytes(message);
  effects->push_back(SendPacket{.address = peer.address, .message = std::move(message)});
}

// What costs the more the more members there are is done the less often.
Duration Swim::Scaled(Duration period) const {
  const std::size_t members = std::max(table_.members() + 1, kUnscaledMembers);
  return period * (Log2Times1024(members) - Log2Times1024(kUnscaledMembers) + 1024) / 1024;
}

}  // namespace carillon
