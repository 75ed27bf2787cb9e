#include "server/api/chunk_stream.h"

#include "proto/byte_buffer.h"
#include "server/api/status_codec.h"

namespace carillon {

ChunkStream::ChunkStream(std::string_view method, Encode encode, NodeLoop* node, Metrics* metrics)
    : method_(method),
      encode_(encode),
      node_(node),
      metrics_(metrics),
      began_(SystemClock().Now()) {}

grpc::ServerWriteReactor<grpc::ByteBuffer>* ChunkStream::Start(RequestId request, Input input) {
  self_ = shared_from_this();
  request_ = request;
  node_->Open(request, std::move(input), self_);
  node_->AddCredit(request, kWindow);
  return this;
}

grpc::ServerWriteReactor<grpc::ByteBuffer>* ChunkStream::Refuse(const Status& status) {
  self_ = shared_from_this();
  OnEnd(status);
  return this;
}

void ChunkStream::OnItem(StreamItem item) {
  metrics_->CountValueBytesOut(item.value.size());
  grpc::ByteBuffer message = ToByteBuffer(encode_(std::move(item)));
  const std::lock_guard lock(mutex_);
  if (finished_) return;
  waiting_.push_back(std::move(message));
  if (!writing_) WriteNext();
}

// Requires: mutex_ is held, nothing is being written.
void ChunkStream::WriteNext() {
  if (!waiting_.empty()) {
    writing_ = true;
    // More to come: let the transport gather before it writes to the socket.
    grpc::WriteOptions options;
    if (waiting_.size() > 1) options.set_buffer_hint();
    StartWrite(&waiting_.front(), options);
  } else if (end_) {
    FinishWith(*end_);
  }
}

void ChunkStream::FinishWith(const Status& status) {
  if (std::exchange(finished_, true)) return;
  metrics_->ObserveRequest("grpc", method_, status.code(), SystemClock().Now() - began_);
  Finish(ToGrpc(status));
}

void ChunkStream::OnEnd(Status status) {
  const std::lock_guard lock(mutex_);
  if (end_) return;
  end_ = std::move(status);
  if (!writing_) WriteNext();
}

void ChunkStream::OnWriteDone(bool ok) {
  std::uint32_t credit = 0;
  {
    const std::lock_guard lock(mutex_);
    writing_ = false;
    waiting_.pop_front();
    // A write may succeed after the call was cancelled; the node sends no end then.
    if (!ok || cancelled_) {
      waiting_.clear();
      FinishWith(Cancelled("the reader is gone"));
    } else {
      WriteNext();
    }
    if (++owed_credit_ >= kWindow / 4 || waiting_.empty()) credit = std::exchange(owed_credit_, 0);
  }
  // Outside the lock: the node may run on this thread and hand over the next items.
  if (!ok) {
    node_->Cancel(request_);
  } else if (credit > 0) {
    node_->AddCredit(request_, credit);
  }
}

void ChunkStream::OnCancel() {
  node_->Cancel(request_);
  const std::lock_guard lock(mutex_);
  cancelled_ = true;
  if (!writing_) FinishWith(Cancelled("the reader went away"));
}

void ChunkStream::OnDone() {
  self_.reset();
}

}  // namespace carillon
