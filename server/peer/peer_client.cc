#include "server/peer/peer_client.h"

#include <future>
#include <utility>
#include <variant>

#include "ring/gossip_codec.h"
#include "server/node/peer_codec.h"

namespace carillon {
namespace {

// What the contract has for a request that was not answered, whatever the reason.
PeerReply Unanswered(const std::string& address, const Status& why) {
  if (why.code() == StatusCode::kDeadlineExceeded) {
    return {.status = DeadlineExceeded("no answer from {} in time", address)};
  }
  return {.status = Unavailable("no answer from {}: {}: {}", address, CodeName(why.code()),
                                Message(why))};
}

PeerReply ReplyOf(const std::string& address, StatusOr<SharedBytes> body) {
  if (!body.ok()) return Unanswered(address, body.status());
  auto reply = DecodePeerReply(Rope(*std::move(body)));
  return reply.ok() ? *std::move(reply) : Unanswered(address, reply.status());
}

// What live writes wait for does not stand behind the values of a read or a sync.
int LaneOf(const PeerMessage& message) {
  const bool bulk = std::holds_alternative<ReplicaRead>(message) ||
                    std::holds_alternative<SyncDigests>(message) ||
                    std::holds_alternative<SyncEntries>(message) ||
                    std::holds_alternative<SyncFetch>(message);
  return bulk ? 1 : 0;
}

}  // namespace

PeerClient::PeerClient(const Uuid& cluster, GossipSocket* gossip, std::size_t max_links)
    : cluster_(cluster),
      gossip_(gossip),
      links_({.max_reply_bytes = kMaxPeerReplyBytes, .max_links = max_links}) {}

PeerClient::~PeerClient() {
  Stop();
}

void PeerClient::Ask(AskPeer ask, Done done) {
  ++requests_;
  const auto end = [this, address = ask.address,
                    done = std::move(done)](StatusOr<SharedBytes> body) {
    if (body.ok()) bytes_received_ += body->size();
    PeerReply reply = ReplyOf(address, std::move(body));
    if (reply.version == StateVersion(0)) ++unanswered_;
    done(std::move(reply));
  };
  if (ask.address.empty()) return end(Unavailable("its address is not known"));
  Rope request = EncodePeerRequest(ask.sender, ask.message);
  bytes_sent_ += request.size();
  links_.Ask(ask.address, LaneOf(ask.message), FrameKind::kRequest, std::move(request), ask.timeout,
             end);
}

void PeerClient::Send(SendGossip packet) {
  if (gossip_ == nullptr || packet.address.empty()) return;
  gossip_->Send(packet.address, EncodeGossip(cluster_, packet.message));
}

void PeerClient::Stop() {
  links_.Stop();
}

PeerTraffic PeerClient::counters() const {
  return {.requests = requests_,
          .unanswered = unanswered_,
          .bytes_sent = bytes_sent_,
          .bytes_received = bytes_received_,
          .links = links_.size()};
}

StatusOr<SharedState> AskToJoin(const std::string& seed_address, const Uuid& cluster,
                                const Member& member, Duration timeout) {
  std::promise<PeerReply> promise;
  PeerClient client(cluster, nullptr);
  client.Ask({.address = seed_address,
              .sender = {.cluster = cluster, .node = member.node},
              .message = JoinCluster{.member = member},
              .timeout = timeout},
             [&promise](PeerReply reply) { promise.set_value(std::move(reply)); });
  PeerReply reply = promise.get_future().get();
  if (!reply.status.ok()) return Annotate(reply.status, seed_address);
  auto* const value = std::get_if<StateReply>(&reply.value);
  if (value == nullptr || !value->state) {
    return Internal("{} answers, but not with a cluster state", seed_address);
  }
  return std::move(value->state);
}

}  // namespace carillon
