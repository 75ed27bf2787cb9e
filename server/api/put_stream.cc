#include "server/api/put_stream.h"

#include <utility>

#include "server/api/put_batch.h"

namespace carillon {

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
  if (!ok) return;
  PutBatch(node_, metrics_, "grpc", std::move(request),
           [self = shared_from_this()](v1::PutChunksResponse response) {
             self->Send(std::move(response));
           });
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
