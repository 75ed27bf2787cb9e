#include "server/api/events_service.h"

#include "proto/byte_buffer.h"
#include "proto/wire.h"
#include "server/api/chunk_stream.h"
#include "server/api/codec.h"
#include "server/api/one_chunk.h"
#include "server/api/put_stream.h"
#include "server/api/unary_call.h"

namespace carillon {
namespace {

template <typename Message>
StatusOr<Message> Parse(const grpc::ByteBuffer& buffer) {
  Message message;
  grpc::ByteBuffer copy = buffer;  // of the handle, not of the bytes
  const grpc::Status parsed =
      grpc::GenericDeserialize<grpc::ProtoBufferReader, Message>(&copy, &message);
  if (!parsed.ok()) return InvalidArgument("not a {}", Message::descriptor()->name());
  return message;
}

grpc::ByteBuffer Serialize(const google::protobuf::Message& message) {
  const std::string bytes = message.SerializeAsString();
  const grpc::Slice slice(bytes);
  return grpc::ByteBuffer(&slice, 1);
}

Rope EncodeGetItem(StreamItem item) {
  wire::GetChunksResponse response;
  response.key = std::move(item.key);
  response.code = static_cast<std::uint32_t>(item.status.code());
  response.message = std::string(Message(item.status));
  response.value_crc = item.value_crc;
  response.value = Rope(std::move(item.value));
  return wire::Encode(response);
}

Rope EncodeRangeItem(StreamItem item) {
  wire::ReadRangeResponse response;
  if (item.kind == StreamItem::Kind::kChunk) {
    response.chunk = std::move(item.info);
    response.code = static_cast<std::uint32_t>(item.status.code());
    response.message = std::string(Message(item.status));
    response.value = Rope(std::move(item.value));
  } else {
    response.epoch = item.epoch.value();
    response.dc = std::move(item.dc);
    response.complete = item.complete;
  }
  return wire::Encode(response);
}

EpochRange RangeOf(std::uint64_t from, std::uint64_t to) {
  return {.first = Epoch(std::min(from, kMaxEpoch)), .limit = Epoch(std::min(to, kMaxEpoch))};
}

}  // namespace

grpc::ServerUnaryReactor* EventsService::PutChunk(grpc::CallbackServerContext* context,
                                                  const grpc::ByteBuffer* request,
                                                  grpc::ByteBuffer* response) {
  const UnaryCall call("PutChunk", context, metrics_);
  const auto rope = ToRope(*request);
  if (!rope.ok()) return call.Finish(rope.status());
  auto message = wire::DecodePutChunkRequest(*rope);
  if (!message.ok()) return call.Finish(message.status());
  metrics_->CountValueBytesIn(message->value.size());
  const RequestId id = node_->NewRequest();
  node_->Ask(id, InputOf(id, *std::move(message)), [call, response](const Answer& answer) {
    if (const auto* written = std::get_if<WriteAnswer>(&answer.value)) {
      v1::PutChunkResponse reply;
      ToProto(*written, answer.version, &reply);
      *response = Serialize(reply);
    }
    call.Finish(answer.status);
  });
  return call.reactor();
}

grpc::ServerBidiReactor<v1::PutChunksRequest, v1::PutChunksResponse>* EventsService::PutChunks(
    grpc::CallbackServerContext* /*context*/) {
  return PutStream::Start(node_, metrics_);
}

grpc::ServerUnaryReactor* EventsService::CommitSecond(grpc::CallbackServerContext* context,
                                                      const v1::CommitSecondRequest* request,
                                                      v1::CommitSecondResponse* response) {
  const UnaryCall call("CommitSecond", context, metrics_);
  auto commit = FromProto(*request);
  if (!commit.ok()) return call.Finish(commit.status());
  const RequestId id = node_->NewRequest();
  CommitInput input{
      .request = id, .route = FromProto(request->route()), .commit = *std::move(commit)};
  node_->Ask(id, std::move(input), [call, response](const Answer& answer) {
    if (const auto* written = std::get_if<WriteAnswer>(&answer.value)) {
      ToProto(*written, answer.version, response);
    }
    call.Finish(answer.status);
  });
  return call.reactor();
}

grpc::ServerUnaryReactor* EventsService::Claim(grpc::CallbackServerContext* context,
                                               const v1::ClaimRequest* request,
                                               v1::ClaimResponse* response) {
  const UnaryCall call("Claim", context, metrics_);
  auto order = FromProto(*request);
  if (!order.ok()) return call.Finish(order.status());
  const RequestId id = node_->NewRequest();
  ClaimInput input{.request = id, .order = *std::move(order), .deadline = call.AnswerBy()};
  node_->Ask(id, std::move(input), [call, response](const Answer& answer) {
    if (const auto* claims = std::get_if<ClaimsAnswer>(&answer.value)) {
      ToProto(*claims, response);
      response->set_state_version(answer.version.value());
    }
    call.Finish(answer.status);
  });
  return call.reactor();
}

grpc::ServerUnaryReactor* EventsService::ListSeconds(grpc::CallbackServerContext* context,
                                                     const v1::ListSecondsRequest* request,
                                                     v1::ListSecondsResponse* response) {
  const UnaryCall call("ListSeconds", context, metrics_);
  const RequestId id = node_->NewRequest();
  ListSecondsInput input{.request = id,
                         .bucket = request->bucket(),
                         .range = RangeOf(request->from(), request->to()),
                         .filter = FromProto(request->filter()),
                         .max_chunks = request->max_chunks(),
                         .allow_partial = request->allow_partial()};
  node_->Ask(id, std::move(input), [call, response](const Answer& answer) {
    if (const auto* seconds = std::get_if<SecondsAnswer>(&answer.value)) {
      ToProto(*seconds, response);
      response->set_state_version(answer.version.value());
    }
    call.Finish(answer.status);
  });
  return call.reactor();
}

grpc::ServerUnaryReactor* EventsService::GetChunk(grpc::CallbackServerContext* context,
                                                  const grpc::ByteBuffer* request,
                                                  grpc::ByteBuffer* response) {
  const UnaryCall call("GetChunk", context, metrics_);
  auto message = Parse<v1::GetChunkRequest>(*request);
  if (!message.ok()) return call.Finish(message.status());
  const RequestId id = node_->NewRequest();
  GetChunksInput input{.request = id, .bucket = message->bucket(), .keys = {}, .credit = 1};
  input.keys.push_back(std::move(*message->mutable_key()));
  node_->Open(id, std::move(input), std::make_shared<OneChunk>(call, response, metrics_));
  return call.reactor();
}

grpc::ServerWriteReactor<grpc::ByteBuffer>* EventsService::GetChunks(
    grpc::CallbackServerContext* /*context*/, const grpc::ByteBuffer* request) {
  auto stream = std::make_shared<ChunkStream>("GetChunks", EncodeGetItem, node_, metrics_);
  auto message = Parse<v1::GetChunksRequest>(*request);
  if (!message.ok()) return stream->Refuse(message.status());
  const RequestId id = node_->NewRequest();
  GetChunksInput input{.request = id, .bucket = message->bucket(), .keys = {}};
  input.keys.assign(std::make_move_iterator(message->mutable_keys()->begin()),
                    std::make_move_iterator(message->mutable_keys()->end()));
  return stream->Start(id, std::move(input));
}

grpc::ServerWriteReactor<grpc::ByteBuffer>* EventsService::ReadRange(
    grpc::CallbackServerContext* /*context*/, const grpc::ByteBuffer* request) {
  auto stream = std::make_shared<ChunkStream>("ReadRange", EncodeRangeItem, node_, metrics_);
  const auto message = Parse<v1::ReadRangeRequest>(*request);
  if (!message.ok()) return stream->Refuse(message.status());
  const RequestId id = node_->NewRequest();
  return stream->Start(id, ReadRangeInput{.request = id,
                                          .bucket = message->bucket(),
                                          .range = RangeOf(message->from(), message->to()),
                                          .filter = FromProto(message->filter()),
                                          .max_events = message->max_events(),
                                          .allow_partial = message->allow_partial()});
}

}  // namespace carillon
