#include "server/api/peer_service.h"

#include <atomic>
#include <memory>
#include <utility>
#include <vector>

#include <grpcpp/impl/codegen/server_callback_handlers.h>

#include "proto/byte_buffer.h"
#include "server/api/status_codec.h"
#include "server/node/peer_batch_codec.h"
#include "server/node/peer_codec.h"

namespace carillon {
namespace {

// A request at the sink, until the first reply or until the last handle on it is dropped.
class PeerCall {
 public:
  // `kind` is a literal.
  PeerCall(std::string_view kind, grpc::ServerUnaryReactor* reactor, grpc::ByteBuffer* response,
           Metrics* metrics)
      : kind_(kind),
        reactor_(reactor),
        response_(response),
        metrics_(metrics),
        began_(SystemClock().Now()) {}
  ~PeerCall() {
    if (!ended_.exchange(true)) Finish(Unavailable("the node stops"));
  }
  PeerCall(const PeerCall&) = delete;
  PeerCall& operator=(const PeerCall&) = delete;

  void Answer(const PeerReply& reply) {
    if (ended_.exchange(true)) return;
    *response_ = ToByteBuffer(EncodePeerReply(reply));
    Observe(reply.status.code());
    reactor_->Finish(grpc::Status::OK);
  }
  void Refuse(const Status& status) {
    if (!ended_.exchange(true)) Finish(status);
  }

 private:
  void Finish(const Status& status) {
    Observe(status.code());
    reactor_->Finish(ToGrpc(status));
  }
  void Observe(StatusCode code) {
    metrics_->ObserveRequest("peer", kind_, code, SystemClock().Now() - began_);
  }

  const std::string_view kind_;
  grpc::ServerUnaryReactor* const reactor_;
  grpc::ByteBuffer* const response_;
  Metrics* const metrics_;
  const Instant began_;
  std::atomic<bool> ended_{false};
};

// Several requests at the sink, until each has its reply or no handle on the rest is left.
class PeerManyCall {
 public:
  PeerManyCall(std::size_t count, grpc::ServerUnaryReactor* reactor, grpc::ByteBuffer* response,
               Metrics* metrics)
      : reactor_(reactor),
        response_(response),
        metrics_(metrics),
        began_(SystemClock().Now()),
        replies_(count, PeerReply{.status = Unavailable("the node stops"), .version = {}}),
        answered_(count) {}
  // Every handle on it is gone: all are answered, or never will be.
  ~PeerManyCall() {
    std::vector<Rope> parts;
    parts.reserve(replies_.size());
    for (const PeerReply& reply : replies_) parts.push_back(EncodePeerReply(reply));
    *response_ = ToByteBuffer(EncodePeerBatch(parts));
    metrics_->ObserveRequest("peer", "Many", StatusCode::kOk, SystemClock().Now() - began_);
    reactor_->Finish(grpc::Status::OK);
  }
  PeerManyCall(const PeerManyCall&) = delete;
  PeerManyCall& operator=(const PeerManyCall&) = delete;

  // Each place's first reply counts.
  void Answer(std::size_t place, PeerReply reply) {
    if (!answered_[place].exchange(true)) replies_[place] = std::move(reply);
  }

 private:
  grpc::ServerUnaryReactor* const reactor_;
  grpc::ByteBuffer* const response_;
  Metrics* const metrics_;
  const Instant began_;
  std::vector<PeerReply> replies_;  // each written once, before its handle goes
  std::vector<std::atomic<bool>> answered_;
};

StatusOr<std::vector<Rope>> DecodeMany(const grpc::ByteBuffer& buffer) {
  ASSIGN_OR_RETURN(const Rope bytes, ToRope(buffer));
  return DecodePeerBatch(bytes);
}

StatusOr<DecodedPeerRequest> Decode(const grpc::ByteBuffer& buffer) {
  ASSIGN_OR_RETURN(const Rope bytes, ToRope(buffer));
  return DecodePeerRequest(bytes);
}

}  // namespace

// What protoc would write for a raw method of the callback API.
PeerService::PeerService(PeerSink* sink, Metrics* metrics) : sink_(sink), metrics_(metrics) {
  AddMethod(new grpc::internal::RpcServiceMethod(kPeerMethod, grpc::internal::RpcMethod::NORMAL_RPC,
                                                 nullptr));
  MarkMethodRawCallback(
      0, new grpc::internal::CallbackUnaryHandler<grpc::ByteBuffer, grpc::ByteBuffer>(
             [this](grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
                    grpc::ByteBuffer* response) { return Ask(context, request, response); }));
  AddMethod(new grpc::internal::RpcServiceMethod(kPeerManyMethod,
                                                 grpc::internal::RpcMethod::NORMAL_RPC, nullptr));
  MarkMethodRawCallback(
      1, new grpc::internal::CallbackUnaryHandler<grpc::ByteBuffer, grpc::ByteBuffer>(
             [this](grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
                    grpc::ByteBuffer* response) { return AskMany(context, request, response); }));
}

grpc::ServerUnaryReactor* PeerService::Ask(grpc::CallbackServerContext* context,
                                           const grpc::ByteBuffer* request,
                                           grpc::ByteBuffer* response) {
  grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
  auto decoded = Decode(*request);
  const std::string_view kind = decoded.ok() ? KindName(decoded->message) : "malformed";
  const auto call = std::make_shared<PeerCall>(kind, reactor, response, metrics_);
  if (decoded.ok()) {
    sink_->HandlePeer(decoded->sender, std::move(decoded->message),
                      [call](const PeerReply& reply) { call->Answer(reply); });
  } else {
    call->Refuse(decoded.status());
  }
  return reactor;
}

grpc::ServerUnaryReactor* PeerService::AskMany(grpc::CallbackServerContext* context,
                                               const grpc::ByteBuffer* request,
                                               grpc::ByteBuffer* response) {
  grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
  const auto parts = DecodeMany(*request);
  if (!parts.ok()) {
    reactor->Finish(ToGrpc(parts.status()));
    return reactor;
  }
  const auto call = std::make_shared<PeerManyCall>(parts->size(), reactor, response, metrics_);
  for (std::size_t i = 0; i < parts->size(); ++i) {
    auto decoded = DecodePeerRequest((*parts)[i]);
    if (decoded.ok()) {
      sink_->HandlePeer(decoded->sender, std::move(decoded->message),
                        [call, i](PeerReply reply) { call->Answer(i, std::move(reply)); });
    } else {
      call->Answer(i, {.status = decoded.status(), .version = {}});
    }
  }
  return reactor;
}

}  // namespace carillon
