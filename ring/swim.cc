#include "ring/swim.h"

#include <algorithm>
#include <limits>
#include <tuple>

#include "base/check.h"
#include "ring/gossip_codec.h"

namespace carillon {
namespace {

constexpr Duration kReportPeriod = std::chrono::seconds(1);

// Packets of a life that is over come no later than this after the first of the next.
constexpr Duration kLastPackets = std::chrono::seconds(10);

}  // namespace

Swim::Swim(const NodeId& self, const BootId& boot, const SwimOptions& options, Random* random)
    : self_(self), boot_(boot), options_(options), random_(random), table_(self) {
  CHECK(boot.counter > 0);
  CHECK(options.probe_timeout < options.probe_period);
}

void Swim::SetMembers(Instant now, std::vector<SwimMember> members) {
  const bool was_alone = table_.members() == 0;
  table_.SetMembers(now, std::move(members));
  round_.clear();
  round_next_ = 0;
  if (probe_ && table_.Find(probe_->node) == nullptr) probe_.reset();
  std::erase_if(suspicions_, [&](const auto& suspicion) {
    const Peer* peer = table_.Find(suspicion.first);
    return peer == nullptr || peer->liveness != Liveness::kSuspect;
  });
  if (is_started_ && was_alone) ArmTimers(now);
}

void Swim::Start(Instant now, SwimEffects* effects) {
  is_started_ = true;
  ArmTimers(now);
  Tell(now, RumorOfSelf(Liveness::kAlive));
  Tick(now, effects);
}

void Swim::RaiseLife(Instant now, std::uint64_t counter) {
  if (counter <= boot_.counter) return;
  boot_.counter = counter;
  Tell(now, RumorOfSelf(Liveness::kAlive));
}

// At random places of their periods, so that the members of a cluster started at once do not all
// speak at once. The first exchange of beliefs comes early: a new life knows nothing.
void Swim::ArmTimers(Instant now) {
  const auto within = [&](Duration period) {
    return now + Duration(static_cast<Duration::rep>(
                     random_->Below(static_cast<std::uint64_t>(period.count()))));
  };
  next_probe_ = within(options_.probe_period);
  next_gossip_ = within(options_.gossip_period);
  next_sync_ = within(options_.probe_period * 3);
  next_gone_probe_ = within(Scaled(options_.gone_probe_period));
  next_data_path_ = within(options_.data_path_period);
}

void Swim::NoticePause(Instant now, SwimEffects* effects) {
  const std::optional<Instant> deadline = Deadline();
  if (!deadline || now - *deadline <= options_.pause_limit) return;
  const Duration gap = now - *deadline;
  ++counters_.pauses;
  effects->push_back(WasPaused{gap});
  // What waited with us may be of any life of its sender, and proves no second process.
  conflict_at_[0] = std::max(conflict_at_[0], now + kLastPackets - kReportPeriod);
  if (!options_.lifeguard) return;
  probe_.reset();
  relays_.clear();
  for (auto& [node, suspicion] : suspicions_) suspicion.Postpone(gap);
  for (Instant* timer : {&next_probe_, &next_gossip_, &next_gone_probe_, &next_data_path_}) {
    *timer = std::max(*timer, now);
  }
  next_sync_ = now;  // what was missed
}

void Swim::HandlePacket(Instant now, const GossipMessage& message, SwimEffects* effects) {
  NoticePause(now, effects);
  ++counters_.packets_received;
  counters_.bytes_received += GossipBytes(message);
  if (message.from == self_) {
    // Some life of this very node; ours does not send to itself.
    if (message.boot != boot_) {
      ReportConflict(now, {.node = self_, .known = boot_, .seen = message.boot}, effects);
    }
    return;
  }
  if (table_.Find(message.from) == nullptr) {
    ++counters_.from_strangers;
    return;
  }
  if (message.to != self_) {
    ++counters_.misaddressed;
    return;
  }
  if (!Greet(now, message, effects)) return;
  NoteState(now, message, effects);
  const bool teller_is_up = table_.Find(message.from)->IsUp();
  for (const Rumor& rumor : message.rumors) Believe(now, rumor, teller_is_up, effects);
  switch (message.kind) {
    case GossipKind::kPing:
      return HandlePing(message, effects);
    case GossipKind::kAck:
      return HandleAck(message, effects);
    case GossipKind::kPingRequest:
      return HandlePingRequest(now, message, effects);
    case GossipKind::kNack:
      return HandleNack(message);
    case GossipKind::kSync:
      return HandleSync(now, message, effects);
    case GossipKind::kSyncAnswer:
    case GossipKind::kGossip:
      return;
  }
}

// What the mere arrival of a packet says of its sender. False: the packet is of the past.
bool Swim::Greet(Instant now, const GossipMessage& message, SwimEffects* effects) {
  const Peer& peer = *table_.Find(message.from);
  if (message.boot.counter < peer.boot.counter) {
    ++counters_.from_old_lives;
    if (now - peer.life_since > kLastPackets) {
      ReportConflict(now, {.node = peer.node, .known = peer.boot, .seen = message.boot}, effects);
    }
    Remind(now, peer, effects);  // a restored copy learns that way that it is one
    return false;
  }
  const Rumor alive{.node = message.from,
                    .liveness = Liveness::kAlive,
                    .boot = message.boot,
                    .incarnation = message.incarnation,
                    .from = {}};
  const bool is_other_life = IsOtherLife(message.boot, peer.boot);
  if (peer.liveness == Liveness::kAlive && !is_other_life) {
    // What everybody hears by himself need not be told.
    Apply(now, alive, effects);
    table_.LearnBootId(message.from, message.boot);
    return true;
  }
  Believe(now, alive, true, effects);
  const Peer& after = *table_.Find(message.from);
  const bool knows_not = after.liveness != Liveness::kAlive || is_other_life;
  if (knows_not && message.kind != GossipKind::kPing) Remind(now, after, effects);
  return true;
}

void Swim::NoteState(Instant now, const GossipMessage& message, SwimEffects* effects) {
  const StateStamp& theirs = message.state;
  const auto newness = [](const StateStamp& stamp) {
    return std::tuple(stamp.generation, stamp.version);
  };
  const bool differs = newness(theirs) == newness(state_) && theirs.hash != state_.hash;
  if (newness(theirs) <= newness(state_) && !differs) return;
  if (newness(theirs) <= newness(seen_) && now - seen_at_ < kReportPeriod) return;
  seen_ = theirs;
  seen_at_ = now;
  effects->push_back(StateSeen{.from = message.from, .state = theirs});
}

// A node that begins a new life has a path of data that is not known to be broken.
MemberTable::Change Swim::Apply(Instant now, const Rumor& rumor, SwimEffects* effects) {
  const Peer* before = table_.Find(rumor.node);
  const bool was_broken = before != nullptr && !before->DataPathOk();
  const MemberTable::Change change = table_.Apply(now, rumor);
  if (was_broken && table_.Find(rumor.node)->DataPathOk()) {
    effects->push_back(DataPathChanged{.node = rumor.node, .ok = true});
  }
  return change;
}

void Swim::Believe(Instant now, const Rumor& rumor, bool teller_is_up, SwimEffects* effects) {
  if (rumor.node == self_) return HearOfSelf(now, rumor, effects);
  const bool is_ill = rumor.liveness == Liveness::kSuspect || rumor.liveness == Liveness::kDead;
  if (is_ill && !teller_is_up) {
    ++counters_.distrusted;
    return;
  }
  const Peer* peer = table_.Find(rumor.node);
  if (peer == nullptr) return;
  if (IsOtherLife(rumor.boot, peer->boot)) {
    ReportConflict(now, {.node = rumor.node, .known = peer->boot, .seen = rumor.boot}, effects);
  }
  const Liveness before = peer->liveness;
  switch (Apply(now, rumor, effects)) {
    case MemberTable::Change::kNews:
      return BelieveNews(now, rumor, before, effects);
    case MemberTable::Change::kSame: {
      const auto suspicion = suspicions_.find(rumor.node);
      const bool is_confirmed = suspicion != suspicions_.end() &&
                                rumor.liveness == Liveness::kSuspect &&
                                suspicion->second.Confirm(now, rumor.from);
      if (is_confirmed) Tell(now, rumor);
      return;
    }
    case MemberTable::Change::kOld:
    case MemberTable::Change::kStranger:
      return;
  }
}

void Swim::BelieveNews(Instant now, const Rumor& rumor, Liveness before, SwimEffects* effects) {
  suspicions_.erase(rumor.node);
  if (rumor.liveness == Liveness::kSuspect) {
    ++counters_.suspicions;
    const std::uint32_t most = options_.lifeguard ? options_.suspicion_most_multiplier : 1;
    const SuspicionTimes times = SuspicionTimesOf(options_.suspicion_multiplier, most,
                                                  options_.probe_period, table_.members());
    suspicions_.emplace(rumor.node, Suspicion(times, now, rumor.from));
  }
  Tell(now, rumor);
  if (before == rumor.liveness) return;
  if (rumor.liveness == Liveness::kDead) ++counters_.deaths;
  effects->push_back(StatusChanged{.node = rumor.node, .liveness = rumor.liveness});
}

void Swim::HearOfSelf(Instant now, const Rumor& rumor, SwimEffects* effects) {
  if (rumor.boot.counter > boot_.counter || IsOtherLife(rumor.boot, boot_)) {
    ReportConflict(now, {.node = self_, .known = boot_, .seen = rumor.boot}, effects);
    return;
  }
  // A leaver told that it leaves; the last number cannot be refuted, and nobody honest says it.
  const bool is_past = rumor.boot.counter < boot_.counter || rumor.incarnation < incarnation_;
  if (is_past || is_leaving_ || rumor.liveness == Liveness::kAlive ||
      rumor.incarnation == std::numeric_limits<std::uint32_t>::max()) {
    return;
  }
  incarnation_ = rumor.incarnation + 1;
  ++counters_.refutations;
  Worsen(1);
  Tell(now, RumorOfSelf(Liveness::kAlive));
}

void Swim::ReportConflict(Instant now, const IdentityConflict& conflict, SwimEffects* effects) {
  Instant& reported_at = conflict_at_[conflict.node == self_ ? 1 : 0];
  ++counters_.conflicts;
  if (reported_at != Instant{} && now - reported_at < kReportPeriod) return;
  reported_at = now;
  effects->push_back(conflict);
}

void Swim::BuryOverdue(Instant now, SwimEffects* effects) {
  std::vector<NodeId> overdue;
  for (const auto& [node, suspicion] : suspicions_) {
    if (now >= suspicion.deadline()) overdue.push_back(node);
  }
  for (const NodeId& node : overdue) {
    Rumor rumor = RumorOf(*table_.Find(node));
    rumor.liveness = Liveness::kDead;
    Believe(now, rumor, true, effects);
  }
}

void Swim::Tick(Instant now, SwimEffects* effects) {
  NoticePause(now, effects);
  if (!is_started_ || table_.members() == 0) return;
  TickProbe(now, effects);
  TickRelays(now, effects);
  BuryOverdue(now, effects);
  if (!rumors_.empty() && now >= next_gossip_) {
    next_gossip_ = now + options_.gossip_period;
    Gossip(effects);
  }
  if (now >= next_sync_) {
    next_sync_ = now + Scaled(options_.sync_period);
    for (const Peer* peer : RandomPeers(1, [](const Peer& it) { return it.IsUp(); })) {
      SendTable(*peer, GossipKind::kSync, effects);
    }
  }
  if (now >= next_gone_probe_) {
    next_gone_probe_ = now + Scaled(options_.gone_probe_period);
    ProbeOneGone(effects);
  }
  if (now >= next_data_path_) {
    next_data_path_ = now + options_.data_path_period;
    ProbeOneDataPath(effects);
  }
}

std::optional<Instant> Swim::Deadline() const {
  if (!is_started_ || table_.members() == 0) return std::nullopt;
  Instant first = std::min({next_probe_, next_sync_, next_gone_probe_, next_data_path_});
  if (probe_) first = std::min(first, probe_->is_indirect ? probe_->deadline : probe_->indirect_at);
  if (!rumors_.empty()) first = std::min(first, next_gossip_);
  for (const Relay& relay : relays_) first = std::min(first, relay.nack_at);
  for (const auto& [node, suspicion] : suspicions_) first = std::min(first, suspicion.deadline());
  return first;
}

void Swim::Worsen(std::uint32_t by) {
  if (!options_.lifeguard) return;
  awareness_ = std::min(awareness_ + by, options_.awareness_limit - 1);
}

void Swim::Improve() {
  if (awareness_ > 0) --awareness_;
}

}  // namespace carillon
