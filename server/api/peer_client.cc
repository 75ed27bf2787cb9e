#include "server/api/peer_client.h"

#include <algorithm>
#include <future>
#include <optional>
#include <utility>
#include <variant>

#include <grpcpp/client_context.h>
#include <grpcpp/generic/generic_stub.h>

#include "proto/byte_buffer.h"
#include "ring/gossip_codec.h"
#include "server/api/peer_service.h"
#include "server/node/peer_batch_codec.h"
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

PeerReply Unanswered(const std::string& address, const Status& status) {
  return Unanswered(address, status.code(), Message(status));
}

PeerReply Unanswered(const std::string& address, const grpc::Status& status) {
  return Unanswered(address, static_cast<StatusCode>(status.error_code()), status.error_message());
}

PeerReply ReplyOf(const std::string& address, const Rope& bytes) {
  auto reply = DecodePeerReply(bytes);
  return reply.ok() ? *std::move(reply) : Unanswered(address, reply.status());
}

PeerReply ReplyOf(const std::string& address, const grpc::Status& status,
                  const grpc::ByteBuffer& response) {
  if (!status.ok()) return Unanswered(address, status);
  const auto bytes = ToRope(response);
  return bytes.ok() ? ReplyOf(address, *bytes) : Unanswered(address, bytes.status());
}

StatusOr<std::vector<Rope>> PartsOf(const grpc::ByteBuffer& response, std::size_t expected) {
  ASSIGN_OR_RETURN(const Rope bytes, ToRope(response));
  ASSIGN_OR_RETURN(std::vector<Rope> parts, DecodePeerBatch(bytes));
  if (parts.size() == expected) return parts;
  return DataLoss("{} replies to {} requests", parts.size(), expected);
}

// Small and many: what small chunks make.
bool GoesWithOthers(const PeerMessage& message, const Rope& request) {
  constexpr std::size_t kMaxBytes = 20'000;
  return std::holds_alternative<ReplicaPut>(message) && request.size() <= kMaxBytes;
}

}  // namespace

// One call from Enter to Leave. Kept alive by gRPC's callback.
class PeerClient::Call : public std::enable_shared_from_this<Call> {
 public:
  using End = std::function<void(const grpc::Status&, const grpc::ByteBuffer& response)>;

  Call(PeerClient* owner, std::string address, End end)
      : owner_(owner), address_(std::move(address)), end_(std::move(end)) {}

  const std::string& address() const { return address_; }
  void TakeChannel(std::shared_ptr<grpc::Channel> channel) { channel_ = std::move(channel); }

  // `method` is a literal.
  void Start(const char* method, const Rope& request, Duration timeout) {
    owner_->bytes_sent_ += request.size();
    request_ = ToByteBuffer(request);
    // A span, not a point: jumps of the wall clock do not matter.
    context_->set_deadline(gpr_time_from_nanos(timeout.count(), GPR_TIMESPAN));
    grpc::GenericStub(channel_).UnaryCall(
        &*context_, method, grpc::StubOptions(), &request_, &response_,
        [self = shared_from_this()](const grpc::Status& status) { self->HandleEnd(status); });
  }
  void Cancel() { context_->TryCancel(); }

  // Requires: nobody can Cancel any more.
  void LetGo() {
    context_.reset();
    channel_.reset();
  }

 private:
  void HandleEnd(const grpc::Status& status) {
    if (status.ok()) owner_->bytes_received_ += response_.Length();
    std::exchange(end_, nullptr)(status, response_);
    owner_->Leave(this);
  }

  PeerClient* const owner_;
  const std::string address_;
  End end_;
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
  Done counted = [this, done = std::move(done)](PeerReply reply) {
    if (reply.version == StateVersion(0)) ++unanswered_;
    done(std::move(reply));
  };
  if (ask.address.empty()) {
    return counted(
        {.status = Unavailable("the address of node {} is not known", ToString(ask.to.value()))});
  }
  Rope request = EncodePeerRequest(ask.sender, ask.message);
  if (GoesWithOthers(ask.message, request)) {
    return AskWithOthers(ask.address, {.request = std::move(request),
                                       .expires = SystemClock().Now() + ask.timeout,
                                       .done = std::move(counted)});
  }
  const auto call =
      std::make_shared<Call>(this, ask.address,
                             [address = ask.address, counted](const grpc::Status& status,
                                                              const grpc::ByteBuffer& response) {
                               counted(ReplyOf(address, status, response));
                             });
  if (const Status entered = Enter(call.get()); !entered.ok()) {
    return counted(Unanswered(ask.address, entered));
  }
  call->Start(kPeerMethod, request, ask.timeout);
}

void PeerClient::AskWithOthers(const std::string& address, PeerBatchItem item) {
  std::optional<PeerBatch> batch;
  {
    const std::lock_guard lock(mutex_);
    batch = batches_.Add(address, std::move(item));
  }
  while (batch) batch = SendBatch(*std::move(batch));
}

// What has waited beyond its time is not sent. Returns the next batch if this one ended at once.
std::optional<PeerBatch> PeerClient::SendBatch(PeerBatch batch) {
  const Instant now = SystemClock().Now();
  const std::string address = batch.address;
  const auto fail_all = [&](const PeerReply& reply) {
    for (const PeerBatchItem& item : batch.items) item.done(reply);
    const std::lock_guard lock(mutex_);
    return batches_.End(address);
  };
  const auto expired =
      std::stable_partition(batch.items.begin(), batch.items.end(),
                            [now](const PeerBatchItem& item) { return item.expires > now; });
  const PeerReply late = {.status = DeadlineExceeded("no answer from {} in time", address)};
  for (auto item = expired; item != batch.items.end(); ++item) item->done(late);
  batch.items.erase(expired, batch.items.end());
  if (batch.items.empty()) return fail_all(late);
  std::vector<Rope> requests;
  Instant expires = batch.items.front().expires;
  for (PeerBatchItem& item : batch.items) {
    requests.push_back(std::move(item.request));
    expires = std::min(expires, item.expires);
  }
  const auto shared = std::make_shared<PeerBatch>(std::move(batch));
  const auto call = std::make_shared<Call>(
      this, address, [this, shared](const grpc::Status& status, const grpc::ByteBuffer& response) {
        HandleBatchEnd(*shared, status, response);
      });
  if (const Status entered = Enter(call.get()); !entered.ok()) {
    batch = std::move(*shared);
    return fail_all(Unanswered(address, entered));
  }
  call->Start(kPeerManyMethod, EncodePeerBatch(requests), expires - now);
  return std::nullopt;
}

void PeerClient::HandleBatchEnd(const PeerBatch& batch, const grpc::Status& status,
                                const grpc::ByteBuffer& response) {
  const auto parts = status.ok() ? PartsOf(response, batch.items.size())
                                 : StatusOr<std::vector<Rope>>(Unavailable("not answered"));
  for (std::size_t i = 0; i < batch.items.size(); ++i) {
    batch.items[i].done(!status.ok()  ? Unanswered(batch.address, status)
                        : !parts.ok() ? Unanswered(batch.address, parts.status())
                                      : ReplyOf(batch.address, (*parts)[i]));
  }
  std::optional<PeerBatch> next;
  {
    const std::lock_guard lock(mutex_);
    next = batches_.End(batch.address);
  }
  while (next) next = SendBatch(*std::move(next));
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
