#include "server/peer/peer_client.h"

#include <future>
#include <utility>
#include <variant>
#include <vector>

#include <boost/asio/post.hpp>

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

}  // namespace

PeerClient::PeerClient(const Uuid& cluster, GossipSocket* gossip, std::size_t max_links)
    : cluster_(cluster),
      gossip_(gossip),
      max_links_(max_links),
      work_(boost::asio::make_work_guard(io_)),
      timer_(io_),
      thread_([this] { io_.run(); }) {}

PeerClient::~PeerClient() {
  Stop();
}

PeerClient::Lane PeerClient::LaneOf(const PeerMessage& message) {
  const bool bulk = std::holds_alternative<ReplicaRead>(message) ||
                    std::holds_alternative<SyncDigests>(message) ||
                    std::holds_alternative<SyncEntries>(message) ||
                    std::holds_alternative<SyncFetch>(message);
  return bulk ? Lane::kBulk : Lane::kLive;
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
  const auto link = LinkTo(ask.address, LaneOf(ask.message));
  if (!link.ok()) return end(link.status());
  Rope request = EncodePeerRequest(ask.sender, ask.message);
  bytes_sent_ += request.size();
  (*link)->Ask(std::move(request), SystemClock().Now(), ask.timeout, end);
  KeepTicking();
}

StatusOr<std::shared_ptr<PeerLink>> PeerClient::LinkTo(const std::string& address, Lane lane) {
  const std::lock_guard lock(mutex_);
  if (stopped_) return Unavailable("this node stops");
  const std::pair key(address, lane);
  if (const auto found = links_.find(key); found != links_.end()) return found->second;
  if (links_.size() >= max_links_ && !DropIdleLink()) {
    return ResourceExhausted("{} connections to other nodes are in use", links_.size());
  }
  return links_.emplace(key, std::make_shared<PeerLink>(&io_, address)).first->second;
}

// Requires: the lock is held. False: all are in use.
bool PeerClient::DropIdleLink() {
  for (auto link = links_.begin(); link != links_.end(); ++link) {
    if (link->second->busy()) continue;
    link->second->Stop(Unavailable("the connection was idle"));
    links_.erase(link);
    return true;
  }
  return false;
}

// While something is under way there is a tick to come. Called after the link has become busy.
void PeerClient::KeepTicking() {
  if (ticking_.exchange(true)) return;
  boost::asio::post(io_, [this] {
    timer_.expires_after(kTick);
    timer_.async_wait([this](const boost::system::error_code& error) {
      if (!error) Tick();
    });
  });
}

void PeerClient::Tick() {
  std::vector<std::shared_ptr<PeerLink>> links;
  {
    const std::lock_guard lock(mutex_);
    if (stopped_) return;
    for (const auto& [key, link] : links_) links.push_back(link);
  }
  // Before looking: who asks after the look sees it, and begins anew.
  ticking_ = false;
  const Instant now = SystemClock().Now();
  bool busy = false;
  for (const auto& link : links) {
    link->Tick(now);
    busy = busy || link->busy();
  }
  if (busy) KeepTicking();
}

void PeerClient::Send(SendGossip packet) {
  if (gossip_ == nullptr || packet.address.empty()) return;
  gossip_->Send(packet.address, EncodeGossip(cluster_, packet.message));
}

void PeerClient::Stop() {
  decltype(links_) links;
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    links.swap(links_);
  }
  for (const auto& [key, link] : links) link->Stop(Unavailable("this node stops"));
  boost::asio::post(io_, [this] {
    timer_.cancel();
    work_.reset();
  });
  if (thread_.joinable()) thread_.join();
}

PeerTraffic PeerClient::counters() const {
  PeerTraffic traffic{.requests = requests_,
                      .unanswered = unanswered_,
                      .bytes_sent = bytes_sent_,
                      .bytes_received = bytes_received_};
  const std::lock_guard lock(mutex_);
  traffic.links = links_.size();
  return traffic;
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
