#include "tests/sim/cluster/cluster_peers.h"

#include "ring/member_index.h"
#include "server/node/peer_codec.h"

namespace carillon {
namespace {

constexpr std::size_t kLargeBytes = 800;
constexpr std::size_t kMaxRecorded = 40;

bool IsLarge(const PeerMessage& message) {
  if (const auto* put = std::get_if<ReplicaPut>(&message)) return put->value.size() > kLargeBytes;
  if (const auto* echo = std::get_if<EchoRequest>(&message))
    return echo->payload.size() > kLargeBytes;
  return false;
}

bool IsLarge(const PeerReply& reply) {
  if (const auto* echo = std::get_if<EchoReply>(&reply.value))
    return echo->payload.size() > kLargeBytes;
  const auto* read = std::get_if<ReadReply>(&reply.value);
  if (read == nullptr) return false;
  std::size_t bytes = 0;
  for (const ReplicaValue& value : read->values) bytes += value.value.size();
  return bytes > kLargeBytes;
}

bool IsAboutData(const PeerMessage& message) {
  return !std::holds_alternative<JoinCluster>(message) &&
         !std::holds_alternative<EchoRequest>(message) &&
         !std::holds_alternative<RegisterMessage>(message);
}

PeerReply Lost(std::string_view why) {
  return {.status = Unavailable("{}", why), .version = {}, .value = {}};
}

}  // namespace

ClusterNode* ClusterPeers::Find(const NodeId& id) const {
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? nullptr : found->second;
}

void ClusterPeers::Add(ClusterNode* node) {
  by_id_[node->id()] = node;
  by_address_[node->AsMember().address] = node;
}

// As it comes out of the bytes that a real node sends, which the other end checks.
void ClusterPeers::PassThroughBytes(AskPeer* effect) {
  if (shared_->settings.many) return;  // for the time it takes
  auto decoded = DecodePeerRequest(EncodePeerRequest(effect->sender, effect->message));
  if (!decoded.ok()) {
    return shared_->Complain(
        fmt::format("{} is refused: {}", KindName(effect->message), ToString(decoded.status())));
  }
  effect->message = std::move(decoded->message);
}

void ClusterPeers::PassThroughBytes(PeerReply* reply) {
  if (shared_->settings.many) return;
  auto decoded = DecodePeerReply(EncodePeerReply(*reply));
  if (!decoded.ok()) {
    return shared_->Complain(fmt::format("a reply is refused: {}", ToString(decoded.status())));
  }
  *reply = *std::move(decoded);
}

void ClusterPeers::Ask(ClusterNode* from, AskPeer effect) {
  PassThroughBytes(&effect);
  const std::uint64_t ask = ++last_ask_;
  pending_.emplace(
      ask,
      Pending{.from = from, .incarnation = from->incarnation(), .operation = effect.operation});
  ClusterNode* to = Find(effect.to);
  if (to == nullptr || effect.address.empty()) {
    return shared_->events.After(10, [this, ask] { Finish(ask, Lost("nobody there")); });
  }
  const auto timeout = static_cast<std::uint64_t>(
      std::chrono::ceil<std::chrono::microseconds>(effect.timeout).count());
  shared_->events.After(timeout, [this, ask] { Finish(ask, Lost("no answer in time")); });
  if (const auto* pull = std::get_if<SyncDigests>(&effect.message)) {
    shared_->Tell("node {} pulls partition {} from node {}", from->number(), pull->partition,
                  to->number());
  }
  if (const auto* offer = std::get_if<SyncOffer>(&effect.message)) {
    if (shared_->on_offer) shared_->on_offer(offer->partition);
  }
  traffic_.values += std::holds_alternative<ReplicaPut>(effect.message);
  traffic_.scans += std::holds_alternative<ReplicaScan>(effect.message);
  traffic_.digests += std::holds_alternative<SyncDigests>(effect.message);
  traffic_.register_messages += std::holds_alternative<RegisterMessage>(effect.message);
  Record(to, effect.sender, effect.message);
  const bool large = IsLarge(effect.message);
  const auto send = [&](std::uint64_t as, std::uint64_t later) {
    const auto delay = shared_->network.Delay(from->number(), to->number(), large);
    if (!delay) return;
    if (std::holds_alternative<RegisterMessage>(effect.message)) later += DelayOfNews(*to);
    shared_->events.After(*delay + later, [this, from, to, as, sender = effect.sender,
                                           message = effect.message]() mutable {
      Arrive(from, to, as, sender, std::move(message));
    });
  };
  send(ask, 0);
  if (shared_->network.Repeats()) send(0, shared_->random.Below(5 * kSecond));
}

std::uint64_t ClusterPeers::DelayOfNews(const ClusterNode& to) {
  const SharedState& ring = shared_->ring.newest();
  const ClusterSettings& settings = shared_->settings;
  if ((settings.late_news_ms == 0 && !settings.fence_script) || !ring) return 0;
  const auto index = ring->IndexOf(to.id());
  const bool is_home = index && OwnsOrWillOwn(*ring, *index);
  return shared_->network.DelayOfNews(to.number(), is_home, shared_->events.now());
}

void ClusterPeers::Arrive(ClusterNode* from, ClusterNode* to, std::uint64_t ask,
                          const PeerSender& sender, PeerMessage message) {
  if (to->is_up()) {
    return to->After(0, [to, ask, sender, message = std::move(message)]() mutable {
      to->HandlePeer(ask, sender, std::move(message));
    });
  }
  if (ask == 0 || shared_->random.OneIn(3)) return;
  if (const auto delay = shared_->network.Delay(to->number(), from->number(), false)) {
    shared_->events.After(*delay, [this, ask] { Finish(ask, Lost("refused")); });
  }
}

void ClusterPeers::Answer(ClusterNode* from, std::uint64_t ask, PeerReply reply) {
  const auto pending = pending_.find(ask);
  if (pending == pending_.end()) return;
  PassThroughBytes(&reply);
  if (const auto* read = std::get_if<ReadReply>(&reply.value)) {
    traffic_.values += read->values.size();
  }
  const auto delay =
      shared_->network.Delay(from->number(), pending->second.from->number(), IsLarge(reply));
  if (!delay) return;
  shared_->events.After(
      *delay, [this, ask, reply = std::move(reply)]() mutable { Finish(ask, std::move(reply)); });
}

void ClusterPeers::Finish(std::uint64_t ask, PeerReply reply) {
  const auto found = pending_.find(ask);
  if (found == pending_.end()) return;
  const Pending pending = found->second;
  pending_.erase(found);
  if (pending.incarnation != pending.from->incarnation()) return;
  pending.from->After(
      0, [from = pending.from, operation = pending.operation, reply = std::move(reply)]() mutable {
        from->Step(PeerReplied{.operation = operation, .reply = std::move(reply)});
      });
}

void ClusterPeers::Gossip(ClusterNode* from, SendGossip packet) {
  const auto found = by_address_.find(packet.address);
  if (found == by_address_.end()) return;
  ClusterNode* const to = found->second;
  ++traffic_.gossip;
  do {
    const auto delay = shared_->network.Delay(from->number(), to->number(), false);
    if (!delay) continue;
    shared_->events.After(*delay + DelayOfNews(*to), [node = to, message = packet.message] {
      if (node->is_serving()) node->Step(GossipReceived{.message = message});
    });
  } while (shared_->network.Repeats());
}

// Every request has the same chance to be among them.
void ClusterPeers::Record(ClusterNode* to, const PeerSender& sender, const PeerMessage& message) {
  if (!IsAboutData(message)) return;
  ++recordable_;
  if (recorded_.size() < kMaxRecorded) {
    recorded_.push_back({.to = to, .sender = sender, .message = message});
  } else if (const std::uint64_t place = shared_->random.Below(recordable_); place < kMaxRecorded) {
    recorded_[place] = {.to = to, .sender = sender, .message = message};
  }
}

}  // namespace carillon
