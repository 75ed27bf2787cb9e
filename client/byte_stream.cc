#include "client/byte_stream.h"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <utility>

#include <grpcpp/client_context.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/support/client_callback.h>

#include "client/unary_calls.h"
#include "proto/byte_buffer.h"

namespace carillon {

// A stream of answers to one request is, on the wire, a stream both ways with one message sent.
// Reads are started from the reader's thread too, so gRPC needs a hold, which the last read
// (the one that fails) gives back: until then a read is under way or `paused_`.
//
// Owned by the stream alone, which waits for OnDone: the channel that `context_` holds must not be
// let go of on a thread of gRPC's.
class ByteStream::Reactor : public grpc::ClientBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer> {
 public:
  explicit Reactor(grpc::ByteBuffer request) : request_(std::move(request)) {}

  void Start(const std::shared_ptr<grpc::Channel>& channel, const char* method) {
    grpc::GenericStub(channel).PrepareBidiStreamingCall(&context_, method, grpc::StubOptions(),
                                                        this);
    AddHold();
    StartWriteLast(&request_, grpc::WriteOptions());
    StartRead(&incoming_);
    StartCall();
  }

  StatusOr<std::optional<Rope>> Next(Duration patience) {
    std::unique_lock lock(mutex_);
    const auto something = [this] { return !ready_.empty() || done_; };
    if (!changed_.wait_for(lock, patience, something)) {
      return DeadlineExceeded("nothing came for {} s",
                              std::chrono::duration_cast<std::chrono::seconds>(patience).count());
    }
    if (ready_.empty()) {
      if (!status_.ok()) return status_;
      return std::nullopt;
    }
    const grpc::ByteBuffer message = std::move(ready_.front());
    ready_.pop_front();
    const bool resume = std::exchange(paused_, false);
    lock.unlock();
    if (resume) StartRead(&incoming_);
    ASSIGN_OR_RETURN(Rope rope, ToRope(message));
    return rope;
  }

  void CancelAndWait() {
    context_.TryCancel();
    std::unique_lock lock(mutex_);
    cancelled_ = true;
    if (std::exchange(paused_, false)) {
      lock.unlock();
      StartRead(&incoming_);
      lock.lock();
    }
    changed_.wait(lock, [this] { return done_; });
  }

 private:
  void OnReadDone(bool ok) override {
    if (!ok) return RemoveHold();
    {
      const std::lock_guard lock(mutex_);
      if (!cancelled_) {
        ready_.push_back(std::move(incoming_));
        changed_.notify_one();
        paused_ = ready_.size() >= kMaxMessagesAhead;
      }
      if (paused_) return;
    }
    incoming_.Clear();
    StartRead(&incoming_);
  }

  void OnDone(const grpc::Status& status) override {
    const std::lock_guard lock(mutex_);
    status_ = ToStatus(status);
    done_ = true;
    changed_.notify_one();  // under the lock: whoever waits destroys this
  }

  grpc::ByteBuffer request_;
  grpc::ByteBuffer incoming_;  // gRPC's while a read is under way
  grpc::ClientContext context_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<grpc::ByteBuffer> ready_;
  bool paused_ = false;  // no read is under way
  bool cancelled_ = false;
  bool done_ = false;
  Status status_;
};

ByteStream::ByteStream(const std::shared_ptr<grpc::Channel>& channel, const char* method,
                       const Rope& request)
    : reactor_(std::make_unique<Reactor>(ToByteBuffer(request))) {
  reactor_->Start(channel, method);
}

ByteStream::~ByteStream() {
  reactor_->CancelAndWait();
}

StatusOr<std::optional<Rope>> ByteStream::Next(Duration patience) {
  return reactor_->Next(patience);
}

}  // namespace carillon
