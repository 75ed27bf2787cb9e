#include "tests/sim/gossip/gossip_world.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "base/check.h"
#include "base/hash.h"
#include "ring/gossip_codec.h"

namespace carillon {
namespace {

constexpr Instant kBegin{std::chrono::hours(1)};
// So long after a death nothing the dead one sent can still be under way.
constexpr Duration kNothingUnderWay = std::chrono::minutes(1);

// Its index is in the first bytes, so that ids are in the order of the members.
NodeId IdOf(std::size_t index) {
  Uuid uuid;
  uuid.bytes = {static_cast<std::uint8_t>(index >> 8), static_cast<std::uint8_t>(index), 0x5a};
  return NodeId(uuid);
}

std::size_t IndexOf(const NodeId& id) {
  const auto& bytes = id.value().bytes;
  return static_cast<std::size_t>(bytes[0]) << 8 | bytes[1];
}

std::size_t IndexOf(const std::string& address) {
  std::size_t index = 0;
  std::from_chars(address.data(), address.data() + address.size(), index);
  return index;
}

}  // namespace

GossipWorld::GossipWorld(const GossipOptions& options, std::uint64_t seed)
    : options_(options), random_(seed), now_(kBegin), nodes_(options.members) {
  CHECK(options.members > 0 && options.members <= 1024);
  for (std::size_t i = 0; i < nodes_.size(); ++i) AddNode(i);
}

// A cluster that has been running: lives are known, and everybody is believed alive.
void GossipWorld::AddNode(std::size_t index) {
  Node& node = nodes_[index];
  node.id = IdOf(index);
  node.is_slow = index < options_.slow_members;
  node.phase = Duration(static_cast<Duration::rep>(
      random_.Below(static_cast<std::uint64_t>(options_.slow_cycle.count()))));
  node.swim = std::make_unique<Swim>(node.id, BootId{.counter = 1, .id = 1000 + index},
                                     options_.swim, &random_);
  std::vector<SwimMember> members;
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    members.push_back({.node = IdOf(i), .address = std::to_string(i), .life = {.counter = 1}});
  }
  node.swim->SetMembers(now_, std::move(members));
  SwimEffects effects;
  node.swim->Start(now_, &effects);
  Perform(index, std::move(effects));
  PlanTick(index);
}

void GossipWorld::Kill(std::size_t member) {
  nodes_[member].killed = now_;
}

Instant GossipWorld::AwakeAt(const Node& node, Instant at) const {
  if (!node.is_slow) return at;
  const Duration place = (at - kBegin + node.phase) % options_.slow_cycle;
  return place < options_.slow_away ? at + (options_.slow_away - place) : at;
}

bool GossipWorld::IsCut(std::size_t from, std::size_t to) const {
  const Duration at = now_ - kBegin;
  return std::ranges::any_of(options_.cuts, [&](const GossipCut& cut) {
    return at >= cut.begin && at < cut.end && from >= cut.from_first && from < cut.from_limit &&
           to >= cut.to_first && to < cut.to_limit;
  });
}

Duration GossipWorld::Delay() {
  const auto range =
      static_cast<std::uint64_t>((options_.delay_most - options_.delay_least).count());
  return options_.delay_least + Duration(static_cast<Duration::rep>(random_.Below(range + 1)));
}

void GossipWorld::Push(Event event) {
  event.at = AwakeAt(nodes_[event.node], event.at);
  event.order = next_order_++;
  events_.push_back(std::move(event));
  std::ranges::push_heap(events_, std::less<>());
}

void GossipWorld::PlanTick(std::size_t index) {
  Node& node = nodes_[index];
  const std::optional<Instant> deadline = node.swim->Deadline();
  if (!deadline) return;
  const Instant due = AwakeAt(node, std::max(*deadline, now_));
  if (node.wakes > now_ && node.wakes <= due) return;  // it looks again then
  node.wakes = due;
  Push({.at = due, .kind = EventKind::kTick, .node = index, .packet = nullptr});
}

void GossipWorld::RunUntil(Instant end) {
  while (!events_.empty() && events_.front().at < end) {
    std::ranges::pop_heap(events_, std::less<>());
    Event event = std::move(events_.back());
    events_.pop_back();
    now_ = event.at;
    Handle(std::move(event));
  }
  now_ = end;
}

void GossipWorld::Handle(Event event) {
  Node& node = nodes_[event.node];
  if (node.killed) return;
  SwimEffects effects;
  switch (event.kind) {
    case EventKind::kTick:
      if (event.at != node.wakes) return;  // an earlier one took its place
      node.swim->Tick(now_, &effects);
      node.wakes = Instant{};
      break;
    case EventKind::kPacket:
      node.swim->HandlePacket(now_, *event.packet, &effects);
      break;
    case EventKind::kRpcAnswer:
      node.swim->HandleRpcProbe(now_, nodes_[event.about].id, event.sequence, true, &effects);
      break;
  }
  Perform(event.node, std::move(effects));
  PlanTick(event.node);
}

void GossipWorld::Perform(std::size_t from, SwimEffects effects) {
  for (const SwimEffect& effect : effects) {
    if (const auto* packet = std::get_if<SendPacket>(&effect)) {
      Transmit(from, *packet);
    } else if (const auto* change = std::get_if<StatusChanged>(&effect)) {
      NoteStatus(from, *change);
    } else if (const auto* probe = std::get_if<ProbeByRpc>(&effect)) {
      AnswerRpc(from, *probe);
    } else if (std::holds_alternative<IdentityConflict>(effect)) {
      report_.violations.push_back(fmt::format("member {} sees two of one identity", from));
    } else if (std::holds_alternative<WasPaused>(effect) && !nodes_[from].is_slow) {
      report_.violations.push_back(fmt::format("member {} believes it was paused", from));
    }
  }
}

void GossipWorld::Transmit(std::size_t from, const SendPacket& packet) {
  ++report_.packets;
  report_.bytes += GossipBytes(packet.message) + kGossipSealBytes;
  const std::size_t to = IndexOf(packet.address);
  if (nodes_[to].killed || IsCut(from, to)) return;
  const std::size_t copies = HappensTo(options_.repeated_per_million) ? 2 : 1;
  for (std::size_t copy = 0; copy < copies; ++copy) {
    if (HappensTo(options_.lost_per_million)) continue;
    auto message = std::make_unique<GossipMessage>(packet.message);
    if (options_.through_bytes) {
      const auto decoded = DecodeGossip(Uuid{}, EncodeGossip(Uuid{}, packet.message));
      if (!decoded.ok() || *decoded != packet.message) {
        report_.violations.push_back("a message does not come back from its bytes");
      }
    }
    Push({.at = now_ + Delay(),
          .kind = EventKind::kPacket,
          .node = to,
          .packet = std::move(message)});
  }
}

void GossipWorld::AnswerRpc(std::size_t from, const ProbeByRpc& probe) {
  const std::size_t to = IndexOf(probe.node);
  if (!options_.rpc_answers || nodes_[to].killed || IsCut(from, to) || IsCut(to, from)) return;
  Push({.at = AwakeAt(nodes_[to], now_ + Delay()) + Delay(),
        .kind = EventKind::kRpcAnswer,
        .node = from,
        .about = to,
        .sequence = probe.sequence,
        .packet = nullptr});
}

void GossipWorld::NoteStatus(std::size_t by, const StatusChanged& change) {
  const std::size_t about = IndexOf(change.node);
  Node& node = nodes_[about];
  ++report_.status_changes;
  Trace(static_cast<std::uint64_t>((now_ - kBegin).count()), by << 16 | about,
        static_cast<std::uint64_t>(change.liveness));
  if (node.killed && now_ - *node.killed > kNothingUnderWay &&
      change.liveness == Liveness::kAlive) {
    report_.violations.push_back(fmt::format("member {} believes dead {} alive", by, about));
  }
  if (change.liveness != Liveness::kDead) return;
  if (node.killed) {
    node.noticed.push_back({.by = by, .after = now_ - *node.killed});
  } else if (node.is_slow) {
    ++report_.slow_deaths;
  } else {
    ++report_.false_deaths;
    if (!std::exchange(node.is_false_victim, true)) ++report_.false_victims;
  }
}

void GossipWorld::Trace(std::uint64_t a, std::uint64_t b, std::uint64_t c) {
  const std::array<std::uint64_t, 4> words{report_.trace_hash, a, b, c};
  report_.trace_hash = Hash64({reinterpret_cast<const char*>(words.data()), sizeof words});
}

GossipReport GossipWorld::Report() const {
  GossipReport report = report_;
  const auto seconds = std::max<std::int64_t>(
      1, std::chrono::duration_cast<std::chrono::seconds>(now_ - kBegin).count());
  report.bytes_per_member_second =
      report.bytes / nodes_.size() / static_cast<std::uint64_t>(seconds);
  SumDeaths(&report);
  SumMembers(&report);
  return report;
}

void GossipWorld::SumDeaths(GossipReport* report) const {
  for (const Node& node : nodes_) {
    if (!node.killed) continue;
    Duration first = Duration::max();
    std::vector<Duration> last(nodes_.size(), Duration{-1});
    for (const Notice& notice : node.noticed) {
      first = std::min(first, notice.after);
      last[notice.by] = notice.after;
    }
    Duration all{0};
    bool is_noticed_by_all = true;
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      if (nodes_[i].killed) continue;
      all = std::max(all, last[i]);
      is_noticed_by_all = is_noticed_by_all && last[i] >= Duration{0};
    }
    if (!node.noticed.empty()) report->first_noticed.push_back(first);
    if (is_noticed_by_all) report->all_noticed.push_back(all);
    if (!is_noticed_by_all) ++report->unnoticed;
  }
}

void GossipWorld::SumMembers(GossipReport* report) const {
  for (const Node& node : nodes_) {
    if (node.killed) continue;
    for (const Peer& peer : node.swim->table().peers()) {
      const bool runs = !nodes_[IndexOf(peer.node)].killed;
      if (runs && peer.liveness != Liveness::kAlive) ++report->not_alive_at_end;
    }
    const SwimCounters& counters = node.swim->counters();
    report->counters.probes += counters.probes;
    report->counters.probes_failed += counters.probes_failed;
    report->counters.probes_saved_by_rpc += counters.probes_saved_by_rpc;
    report->counters.suspicions += counters.suspicions;
    report->counters.refutations += counters.refutations;
    report->counters.deaths += counters.deaths;
    report->counters.pauses += counters.pauses;
    report->counters.distrusted += counters.distrusted;
  }
}

}  // namespace carillon
