#include "server/api/frame_calls.h"

#include <utility>

#include "carillon/v1/events.pb.h"
#include "frames/call.h"
#include "proto/wire.h"
#include "server/api/codec.h"
#include "server/api/put_batch.h"

namespace carillon {
namespace {

constexpr char kApi[] = "frames";

template <typename Message>
StatusOr<Message> Parse(const SharedBytes& bytes) {
  Message message;
  if (message.ParseFromArray(bytes.view().data(), static_cast<int>(bytes.size()))) return message;
  return InvalidArgument("not a {}", Message::descriptor()->name());
}

Rope Serialize(const google::protobuf::Message& message) {
  return Rope(message.SerializeAsString());
}

}  // namespace

// A call from its arrival to its answer.
class FrameCalls::Pending {
 public:
  // `method` is a literal.
  Pending(const char* method, Metrics* metrics, Done done)
      : method_(method), metrics_(metrics), done_(std::move(done)), began_(SystemClock().Now()) {}

  void Answer(StatusOr<Rope> response) const {
    Count(response.status().code());
    done_(std::move(response));
  }
  // The response of GetChunk: the call is well, whatever is said of the chunk.
  void Answer(wire::GetChunksResponse response) const {
    metrics_->CountValueBytesOut(response.value.size());
    Count(static_cast<StatusCode>(response.code));
    done_(wire::Encode(response));
  }

 private:
  void Count(StatusCode code) const {
    metrics_->ObserveRequest(kApi, method_, code, SystemClock().Now() - began_);
  }

  const char* const method_;
  Metrics* const metrics_;
  const Done done_;
  const Instant began_;
};

namespace {

template <typename Pending>
class ChunkReceiver final : public StreamReceiver {
 public:
  explicit ChunkReceiver(Pending call) : call_(std::move(call)) {}

  void OnItem(StreamItem item) override {
    status_ = std::move(item.status);
    response_.value_crc = item.value_crc;
    response_.value = Rope(std::move(item.value));
  }
  void OnEnd(Status status) override {
    if (status.ok()) status = status_;
    response_.code = static_cast<std::uint32_t>(status.code());
    response_.message = std::string(Message(status));
    call_.Answer(std::move(response_));
  }

 private:
  const Pending call_;
  Status status_ = Internal("the node answered without the chunk");
  wire::GetChunksResponse response_;
};

}  // namespace

void FrameCalls::HandleCall(SharedBytes call, Done done) {
  auto decoded = DecodeCall(call);
  if (!decoded.ok()) {
    return Pending("unknown", metrics_, std::move(done)).Answer(decoded.status());
  }
  SharedBytes message = std::move(decoded->message);
  switch (decoded->method) {
    case CallMethod::kPutChunk:
      return PutChunk(std::move(message), std::move(done));
    case CallMethod::kCommitSecond:
      return CommitSecond(message, std::move(done));
    case CallMethod::kGetChunk:
      return GetChunk(message, std::move(done));
    case CallMethod::kPutChunks:
      return PutChunks(message, std::move(done));
    case CallMethod::kNone:
      break;  // DecodeCall refuses it
  }
}

void FrameCalls::PutChunk(SharedBytes message, Done done) {
  const Pending pending("PutChunk", metrics_, std::move(done));
  auto request = wire::DecodePutChunkRequest(Rope(std::move(message)));
  if (!request.ok()) return pending.Answer(request.status());
  metrics_->CountValueBytesIn(request->value.size());
  const RequestId id = node_->NewRequest();
  node_->Ask(id, InputOf(id, *std::move(request)), [pending](const carillon::Answer& answer) {
    const auto* written = std::get_if<WriteAnswer>(&answer.value);
    if (!answer.status.ok() || written == nullptr) return pending.Answer(answer.status);
    v1::PutChunkResponse response;
    ToProto(*written, answer.version, &response);
    pending.Answer(Serialize(response));
  });
}

void FrameCalls::CommitSecond(const SharedBytes& message, Done done) {
  const Pending pending("CommitSecond", metrics_, std::move(done));
  const auto request = Parse<v1::CommitSecondRequest>(message);
  if (!request.ok()) return pending.Answer(request.status());
  auto commit = FromProto(*request);
  if (!commit.ok()) return pending.Answer(commit.status());
  const RequestId id = node_->NewRequest();
  CommitInput input{
      .request = id, .route = FromProto(request->route()), .commit = *std::move(commit)};
  node_->Ask(id, std::move(input), [pending](const carillon::Answer& answer) {
    const auto* written = std::get_if<WriteAnswer>(&answer.value);
    if (!answer.status.ok() || written == nullptr) return pending.Answer(answer.status);
    v1::CommitSecondResponse response;
    ToProto(*written, answer.version, &response);
    pending.Answer(Serialize(response));
  });
}

void FrameCalls::GetChunk(const SharedBytes& message, Done done) {
  const Pending pending("GetChunk", metrics_, std::move(done));
  auto request = Parse<v1::GetChunkRequest>(message);
  if (!request.ok()) return pending.Answer(request.status());
  const RequestId id = node_->NewRequest();
  GetChunksInput input{.request = id, .bucket = request->bucket(), .keys = {}, .credit = 1};
  input.keys.push_back(std::move(*request->mutable_key()));
  node_->Open(id, std::move(input), std::make_shared<ChunkReceiver<Pending>>(pending));
}

void FrameCalls::PutChunks(const SharedBytes& message, Done done) {
  auto request = Parse<v1::PutChunksRequest>(message);
  if (!request.ok()) {
    return Pending("PutChunks", metrics_, std::move(done)).Answer(request.status());
  }
  PutBatch(node_, metrics_, kApi, *std::move(request),
           [done = std::move(done)](const v1::PutChunksResponse& response) {
             done(Serialize(response));
           });
}

}  // namespace carillon
