#include "server/api/put_stream.h"

#include <atomic>

#include "base/checksum.h"
#include "server/api/codec.h"
#include "server/api/status_codec.h"

namespace carillon {

struct PutStream::Batch {
  v1::PutChunksResponse response;  // its chunks are filled in, each by its own answer
  std::atomic<int> unanswered = 0;
  std::atomic<std::uint64_t> version = 0;
  Instant began;
};

PutStream* PutStream::Start(NodeLoop* node, Metrics* metrics) {
  const auto stream = std::shared_ptr<PutStream>(new PutStream(node, metrics));
  stream->self_ = stream;
  stream->StartRead(&stream->incoming_);
  return stream.get();
}

void PutStream::OnReadDone(bool ok) {
  v1::PutChunksRequest request;
  {
    const std::lock_guard lock(mutex_);
    reading_ = false;
    read_all_ = !ok;
    if (ok) {
      request = std::move(incoming_);
      incoming_.Clear();
      ++batches_;
    }
    GoOn();
  }
  if (ok) Begin(std::move(request));
}

PutChunkInput PutStream::InputOf(const v1::PutChunksRequest& request, v1::ChunkToPut* chunk) {
  PutChunkInput input;
  input.request = node_->NewRequest();
  input.route = {.version = StateVersion(request.state_version()),
                 .partition = PartitionId(static_cast<std::uint16_t>(chunk->partition()))};
  input.bucket = request.bucket();
  input.key = std::move(*chunk->mutable_key());
  input.value_crc = chunk->value_crc32c();
  input.computed_crc = Crc32c(chunk->value());
  input.value = Rope(SharedBytes(std::move(*chunk->mutable_value())));
  return input;
}

void PutStream::Begin(v1::PutChunksRequest request) {
  const auto batch = std::make_shared<Batch>();
  const int chunks = request.chunks_size();
  batch->began = SystemClock().Now();
  batch->response.set_number(request.number());
  if (chunks == 0 || chunks > kMaxChunks) {
    auto* refused = batch->response.add_chunks();
    const Status why = InvalidArgument("a batch of {} chunks; 1 to {}", chunks, kMaxChunks);
    refused->set_code(static_cast<std::uint32_t>(why.code()));
    refused->set_message(std::string(Message(why)));
    return Send(std::move(batch->response));
  }
  batch->unanswered = chunks;
  for (int i = 0; i < chunks; ++i) batch->response.add_chunks();
  std::uint64_t bytes = 0;
  for (int i = 0; i < chunks; ++i) {
    PutChunkInput input = InputOf(request, request.mutable_chunks(i));
    bytes += input.value.size();
    const RequestId id = input.request;
    node_->Ask(id, std::move(input), [self = shared_from_this(), batch, i](const Answer& answer) {
      self->HandleAnswer(batch, i, answer);
    });
  }
  metrics_->CountValueBytesIn(bytes);
}

void PutStream::HandleAnswer(const std::shared_ptr<Batch>& batch, int place, const Answer& answer) {
  v1::ChunkPut* put = batch->response.mutable_chunks(place);
  put->set_code(static_cast<std::uint32_t>(answer.status.code()));
  if (!answer.status.ok()) put->set_message(std::string(Message(answer.status)));
  if (const auto* written = std::get_if<WriteAnswer>(&answer.value)) {
    ToProto(written->cost, put->mutable_cost());
    put->set_already_stored(written->already_stored);
    batch->version = answer.version.value();
  }
  if (--batch->unanswered != 0) return;
  batch->response.set_state_version(batch->version);
  metrics_->ObserveRequest("grpc", "PutChunks", StatusCode::kOk,
                           SystemClock().Now() - batch->began);
  Send(std::move(batch->response));
}

void PutStream::Send(v1::PutChunksResponse response) {
  const std::lock_guard lock(mutex_);
  --batches_;
  if (!broken_) waiting_.push_back(std::move(response));
  GoOn();
}

void PutStream::OnWriteDone(bool ok) {
  const std::lock_guard lock(mutex_);
  writing_ = false;
  waiting_.pop_front();
  if (!ok) {
    broken_ = true;
    waiting_.clear();
  }
  GoOn();
}

// Begins whatever can be begun. Requires: mutex_ is held.
void PutStream::GoOn() {
  if (!reading_ && !read_all_ && batches_ < kMaxBatches) {
    reading_ = true;
    StartRead(&incoming_);
  }
  if (!writing_ && !waiting_.empty()) {
    writing_ = true;
    StartWrite(&waiting_.front());
  }
  if (read_all_ && batches_ == 0 && !writing_ && !std::exchange(finished_, true)) {
    Finish(grpc::Status::OK);
  }
}

void PutStream::OnDone() {
  self_.reset();
}

}  // namespace carillon
