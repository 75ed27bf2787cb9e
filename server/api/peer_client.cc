#include "server/api/peer_client.h"

#include <future>
#include <optional>
#include <utility>

#include <grpcpp/client_context.h>
#include <grpcpp/generic/generic_stub.h>

#include "proto/byte_buffer.h"
#include "ring/gossip_codec.h"
#include "server/api/peer_service.h"
#include "server/node/peer_codec.h"

namespace carillon {
namespace {

// What the contract has for a call that was not answered, whatever gRPC says of it.
PeerReply Unanswered(const std::string& address, StatusCode code, std::string_view why) {
  if (code == StatusCode::kDeadlineExceeded) {
    return {.status = DeadlineExceeded("no answer from {} in time", address)};
  }
  return {.status = Unavailable("no answer from {}: {}: {}", address, CodeName(code), why)};
}

StatusOr<PeerReply> Decode(const grpc::ByteBuffer& buffer) {
  ASSIGN_OR_RETURN(const Rope bytes, ToRope(buffer));
  return DecodePeerReply(bytes);
}

}  // namespace

// One request from Enter to Leave. Kept alive by gRPC's callback.
class PeerClient::Call : public std::enable_shared_from_this<Call> {
 public:
  Call(PeerClient* owner, std::string address, Done done)
      : owner_(owner), address_(std::move(address)), done_(std::move(done)) {}

  const std::string& address() const { return address_; }
  void TakeChannel(std::shared_ptr<grpc::Channel> channel) { channel_ = std::move(channel); }

  void Start(const Rope& request, Duration timeout) {
    request_ = ToByteBuffer(request);
    // A span, not a point: jumps of the wall clock do not matter.
    context_->set_deadline(gpr_time_from_nanos(timeout.count(), GPR_TIMESPAN));
    grpc::GenericStub(channel_).UnaryCall(
        &*context_, kPeerMethod, grpc::StubOptions(), &request_, &response_,
        [self = shared_from_this()](const grpc::Status& status) { self->HandleEnd(status); });
  }
  void Cancel() { context_->TryCancel(); }

  void Finish(PeerReply reply) { std::exchange(done_, nullptr)(std::move(reply)); }

  // Requires: nobody can Cancel any more.
  void LetGo() {
    context_.reset();
    channel_.reset();
  }

 private:
  void HandleEnd(const grpc::Status& status) {
    Finish(ReplyOf(status));
    owner_->Leave(this);
  }

  PeerReply ReplyOf(const grpc::Status& status) {
    if (!status.ok()) {
      return Unanswered(address_, static_cast<StatusCode>(status.error_code()),
                        status.error_message());
    }
    owner_->bytes_received_ += response_.Length();
    auto reply = Decode(response_);
    if (reply.ok()) return *std::move(reply);
    return Unanswered(address_, reply.status().code(), Message(reply.status()));
  }

  PeerClient* const owner_;
  const std::string address_;
  Done done_;
  std::shared_ptr<grpc::Channel> channel_;
  std::optional<grpc::ClientContext> context_{std::in_place};
  grpc::ByteBuffer request_;
  grpc::ByteBuffer response_;
};

PeerClient::PeerClient(const Uuid& cluster, GossipSocket* gossip, const PeerChannelLimits& limits)
    : cluster_(cluster), gossip_(gossip), channels_(limits) {}

PeerClient::~PeerClient() {
  Stop();
}

void PeerClient::Ask(AskPeer ask, Done done) {
  ++requests_;
  const auto call = std::make_shared<Call>(this, std::move(ask.address),
                                           [this, done = std::move(done)](PeerReply reply) {
                                             if (reply.version == StateVersion(0)) ++unanswered_;
                                             done(std::move(reply));
                                           });
  if (call->address().empty()) {
    return call->Finish(
        {.status = Unavailable("the address of node {} is not known", ToString(ask.to.value()))});
  }
  const Rope request = EncodePeerRequest(ask.sender, ask.message);
  if (const Status entered = Enter(call.get()); !entered.ok()) {
    return call->Finish(Unanswered(call->address(), entered.code(), Message(entered)));
  }
  bytes_sent_ += request.size();
  call->Start(request, ask.timeout);
}

void PeerClient::Send(SendGossip packet) {
  if (gossip_ == nullptr || packet.address.empty()) return;
  gossip_->Send(packet.address, EncodeGossip(cluster_, packet.message));
}

Status PeerClient::Enter(Call* call) {
  const std::lock_guard lock(mutex_);
  if (stopped_) return Unavailable("this node stops");
  ASSIGN_OR_RETURN(auto channel, channels_.Take(call->address(), SystemClock().Now()));
  call->TakeChannel(std::move(channel));
  cancellable_.insert(call);
  ++under_way_;
  return OkStatus();
}

void PeerClient::Leave(Call* call) {
  {
    const std::lock_guard lock(mutex_);
    cancellable_.erase(call);
  }
  call->LetGo();
  const std::lock_guard lock(mutex_);
  channels_.Return(call->address(), SystemClock().Now());
  // Under the lock: the destructor may run as soon as it is released.
  if (--under_way_ == 0) none_left_.notify_all();
}

void PeerClient::Stop() {
  std::unique_lock lock(mutex_);
  stopped_ = true;
  for (Call* const call : cancellable_) call->Cancel();
  none_left_.wait(lock, [this] { return under_way_ == 0; });
  channels_.Clear();
}

PeerTraffic PeerClient::counters() const {
  PeerTraffic traffic{.requests = requests_,
                      .unanswered = unanswered_,
                      .bytes_sent = bytes_sent_,
                      .bytes_received = bytes_received_};
  const std::lock_guard lock(mutex_);
  traffic.channels = channels_.size();
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
