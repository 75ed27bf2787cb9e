#include "client/unary_calls.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

#include <grpcpp/alarm.h>
#include <grpcpp/client_context.h>
#include <grpcpp/generic/generic_stub.h>

namespace carillon {

Status ToStatus(const grpc::Status& status) {
  return MakeStatus(static_cast<StatusCode>(status.error_code()), status.error_message());
}

// One call through all its attempts. Owned by whatever carries it on: the attempt or the timer.
class UnaryCalls::Call : public std::enable_shared_from_this<Call> {
 public:
  Call(UnaryCalls* owner, const char* method, grpc::ByteBuffer request, Done done)
      : owner_(owner),
        method_(method),
        request_(std::move(request)),
        done_(std::move(done)),
        backoff_(owner->options_.retry, RandomSeed()),
        deadline_(SystemClock().Now() + owner->options_.timeout) {}

  void Attempt() {
    const Duration left =
        std::min(deadline_ - SystemClock().Now(), owner_->options_.attempt_timeout);
    context_ = std::make_unique<grpc::ClientContext>();
    context_->set_deadline(std::chrono::system_clock::now() + left);
    response_.Clear();
    pick_ = owner_->pool_->Current();
    grpc::GenericStub stub(pick_.channel);
    stub.UnaryCall(context_.get(), method_, grpc::StubOptions(), &request_, &response_,
                   [self = shared_from_this()](const grpc::Status& status) {
                     self->HandleStatus(ToStatus(status));
                   });
  }

 private:
  void HandleStatus(const Status& status) {
    if (status.ok()) return Finish(std::move(response_));
    const bool endpoint_failed =
        status.code() == StatusCode::kUnavailable || status.code() == StatusCode::kDeadlineExceeded;
    if (endpoint_failed) owner_->pool_->MoveOn(pick_.index);
    const auto delay = backoff_.Next(status, deadline_ - SystemClock().Now());
    if (delay) return Wait(*delay);
    if (!endpoint_failed) return Finish(status);
    Finish(Annotate(status, fmt::format("{}, attempt {}", pick_.endpoint, backoff_.attempts())));
  }

  // The timer keeps this call alive, so the call must let go of the timer once it has rung.
  void Wait(Duration delay) {
    alarm_ = std::make_unique<grpc::Alarm>();
    alarm_->Set(std::chrono::system_clock::now() + delay, [self = shared_from_this()](bool) {
      self->alarm_.reset();
      self->Attempt();
    });
  }

  // Lets go of the channel before the owner hears of the end: the last reference to a channel must
  // not be dropped on a thread of gRPC's, which would wait for itself.
  void Finish(StatusOr<grpc::ByteBuffer> answer) {
    std::exchange(done_, nullptr)(std::move(answer));
    request_.Clear();
    context_.reset();
    pick_ = {};
    owner_->Leave();
  }

  UnaryCalls* const owner_;
  const char* const method_;
  grpc::ByteBuffer request_;
  grpc::ByteBuffer response_;
  Done done_;
  Backoff backoff_;
  const Instant deadline_;
  ChannelPool::Pick pick_;
  std::unique_ptr<grpc::ClientContext> context_;  // of the current attempt
  std::unique_ptr<grpc::Alarm> alarm_;
};

UnaryCalls::~UnaryCalls() {
  std::unique_lock lock(mutex_);
  none_left_.wait(lock, [this] { return under_way_ == 0; });
}

void UnaryCalls::Start(const char* method, grpc::ByteBuffer request, Done done) {
  Enter();
  std::make_shared<Call>(this, method, std::move(request), std::move(done))->Attempt();
}

void UnaryCalls::Enter() {
  const std::lock_guard lock(mutex_);
  ++under_way_;
}

void UnaryCalls::Leave() {
  const std::lock_guard lock(mutex_);
  // Under the lock: the destructor may run as soon as it is released.
  if (--under_way_ == 0) none_left_.notify_all();
}

}  // namespace carillon
