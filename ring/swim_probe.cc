// Swim: who answers.
#include <algorithm>
#include <utility>

#include "ring/swim.h"

namespace carillon {
namespace {

constexpr std::size_t kMaxRelays = 64;  // probes made for others at one time

bool Contains(const std::vector<NodeId>& nodes, const NodeId& node) {
  return std::ranges::find(nodes, node) != nodes.end();
}

}  // namespace

void Swim::TickProbe(Instant now, SwimEffects* effects) {
  if (probe_ && !probe_->is_indirect && now >= probe_->indirect_at) AskHelpers(effects);
  if (probe_ && now >= probe_->deadline) FailProbe(now, effects);
  if (now >= next_probe_ && !probe_) StartProbe(now, effects);
}

void Swim::StartProbe(Instant now, SwimEffects* effects) {
  const int stretch = static_cast<int>(awareness_) + 1;
  next_probe_ = now + options_.probe_period * stretch;
  if (is_leaving_) return;
  const Peer* peer = NextToProbe();
  if (peer == nullptr) return;
  ++counters_.probes;
  probe_ = Probe{.node = peer->node,
                 .sequence = ++sequence_,
                 .indirect_at = now + options_.probe_timeout * stretch,
                 .deadline = next_probe_,
                 .helpers = {},
                 .nacks = {}};
  GossipMessage ping = MessageTo(*peer, GossipKind::kPing, probe_->sequence);
  if (options_.lifeguard && peer->liveness == Liveness::kSuspect) {
    ping.rumors.push_back(RumorOf(*peer));  // it must hear that from somebody to refute it
    ping.rumors.back().from = self_;
  }
  SendWithRumors(*peer, std::move(ping), effects);
}

// The next of this round that is not believed dead; begins a new round at the end of one.
const Peer* Swim::NextToProbe() {
  for (int rounds = 0; rounds < 2; ++rounds) {
    while (round_next_ < round_.size()) {
      const Peer* peer = table_.Find(round_[round_next_++]);
      if (peer != nullptr && peer->IsUp() && !peer->address.empty()) return peer;
    }
    round_.clear();
    round_next_ = 0;
    for (const Peer& peer : table_.peers()) {
      if (peer.is_member) round_.push_back(peer.node);
    }
    for (std::size_t i = round_.size(); i > 1; --i) {
      std::swap(round_[i - 1], round_[random_->Below(i)]);
    }
  }
  return nullptr;
}

void Swim::AskHelpers(SwimEffects* effects) {
  probe_->is_indirect = true;
  const NodeId target = probe_->node;
  const auto helpers = RandomPeers(options_.indirect_probes, [&](const Peer& peer) {
    return peer.liveness == Liveness::kAlive && peer.node != target;
  });
  for (const Peer* helper : helpers) {
    probe_->helpers.push_back(helper->node);
    GossipMessage request = MessageTo(*helper, GossipKind::kPingRequest, probe_->sequence);
    request.target = target;
    SendWithRumors(*helper, std::move(request), effects);
  }
  effects->push_back(ProbeByRpc{.node = target, .sequence = probe_->sequence});
}

void Swim::FailProbe(Instant now, SwimEffects* effects) {
  const Probe probe = *std::exchange(probe_, std::nullopt);
  ++counters_.probes_failed;
  // Helpers that are silent too say something about us; without helpers the failure itself does.
  const std::size_t missing = probe.helpers.size() - probe.nacks.size();
  Worsen(probe.helpers.empty() ? 1 : static_cast<std::uint32_t>(missing));
  const Peer* peer = table_.Find(probe.node);
  if (peer == nullptr || !peer->IsUp()) return;
  Rumor rumor = RumorOf(*peer);
  rumor.liveness = Liveness::kSuspect;
  rumor.from = self_;
  Believe(now, rumor, true, effects);
}

void Swim::PassProbe() {
  probe_.reset();
  Improve();
}

void Swim::HandlePing(const GossipMessage& message, SwimEffects* effects) {
  const Peer& peer = *table_.Find(message.from);
  GossipMessage ack = MessageTo(peer, GossipKind::kAck, message.sequence);
  const bool is_other_life = peer.boot.counter == message.boot.counter &&
                             peer.boot.id != message.boot.id && peer.boot.id != 0;
  if (peer.liveness != Liveness::kAlive || is_other_life) {
    ack.rumors.push_back(RumorOf(peer));
    if (peer.liveness == Liveness::kSuspect) ack.rumors.back().from = self_;
  }
  SendWithRumors(peer, std::move(ack), effects);
}

void Swim::HandleAck(const GossipMessage& message, SwimEffects* effects) {
  if (probe_ && probe_->sequence == message.sequence &&
      (probe_->node == message.from || Contains(probe_->helpers, message.from))) {
    return PassProbe();
  }
  const auto relay = std::ranges::find_if(relays_, [&](const Relay& it) {
    return it.sequence == message.sequence && it.target == message.from;
  });
  if (relay == relays_.end()) return;
  const Peer* asker = table_.Find(relay->asker);
  if (asker != nullptr) {
    SendWithRumors(*asker, MessageTo(*asker, GossipKind::kAck, relay->asker_sequence), effects);
  }
  relays_.erase(relay);
}

void Swim::HandleNack(const GossipMessage& message) {
  if (!probe_ || probe_->sequence != message.sequence) return;
  if (!Contains(probe_->helpers, message.from) || Contains(probe_->nacks, message.from)) return;
  probe_->nacks.push_back(message.from);
}

void Swim::HandlePingRequest(Instant now, const GossipMessage& message, SwimEffects* effects) {
  const Peer* target = table_.Find(message.target);
  if (target == nullptr || relays_.size() >= kMaxRelays) return;
  // 80 % of the timeout: the nack must arrive before the asker's probe ends (Lifeguard, IV.A).
  relays_.push_back({.asker = message.from,
                     .asker_sequence = message.sequence,
                     .target = message.target,
                     .sequence = ++sequence_,
                     .nack_at = now + options_.probe_timeout * 4 / 5});
  SendWithRumors(*target, MessageTo(*target, GossipKind::kPing, sequence_), effects);
}

void Swim::TickRelays(Instant now, SwimEffects* effects) {
  if (relays_.empty()) return;
  for (const Relay& relay : relays_) {
    const Peer* asker = table_.Find(relay.asker);
    if (now < relay.nack_at || asker == nullptr || !options_.lifeguard) continue;
    SendWithRumors(*asker, MessageTo(*asker, GossipKind::kNack, relay.asker_sequence), effects);
  }
  std::erase_if(relays_, [&](const Relay& relay) { return now >= relay.nack_at; });
}

void Swim::HandleRpcProbe(Instant now, const NodeId& node, std::uint32_t sequence, bool ok,
                          SwimEffects* effects) {
  NoticePause(now, effects);
  if (!ok || !probe_ || probe_->node != node || probe_->sequence != sequence) return;
  ++counters_.probes_saved_by_rpc;
  PassProbe();
}

void Swim::HandleDataPath(Instant now, const NodeId& node, bool ok, Duration latency,
                          SwimEffects* effects) {
  NoticePause(now, effects);
  if (!table_.HandleRequestOutcome(node, ok, latency)) return;
  effects->push_back(DataPathChanged{.node = node, .ok = table_.Find(node)->DataPathOk()});
}

// An answer's header says whether it lives; the rumor lets it refute.
void Swim::ProbeOneGone(SwimEffects* effects) {
  const auto is_gone = [](const Peer& peer) { return peer.liveness == Liveness::kDead; };
  for (const Peer* peer : RandomPeers(1, is_gone)) {
    GossipMessage ping = MessageTo(*peer, GossipKind::kPing, ++sequence_);
    ping.rumors.push_back(RumorOf(*peer));
    SendWithRumors(*peer, std::move(ping), effects);
  }
}

// Every second turn is for those in doubt, so that they are known good or broken soon.
void Swim::ProbeOneDataPath(SwimEffects* effects) {
  ++data_path_turn_;
  std::vector<const Peer*> up;
  std::vector<const Peer*> doubted;
  for (const Peer& peer : table_.peers()) {
    if (!peer.is_member || !peer.IsUp() || peer.address.empty()) continue;
    up.push_back(&peer);
    if (peer.path_failures > 0) doubted.push_back(&peer);
  }
  if (up.empty()) return;
  const bool asks_doubted = data_path_turn_ % 2 == 0 && !doubted.empty();
  const std::vector<const Peer*>& from = asks_doubted ? doubted : up;
  effects->push_back(ProbeDataPath{from[data_path_turn_ / 2 % from.size()]->node});
}

}  // namespace carillon
