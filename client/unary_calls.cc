#include "client/unary_calls.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

#include <grpcpp/alarm.h>
#include <grpcpp/client_context.h>
#include <grpcpp/generic/generic_stub.h>

#include "client/node_frames.h"
#include "proto/byte_buffer.h"

namespace carillon {

Status ToStatus(const grpc::Status& status) {
  return MakeStatus(static_cast<StatusCode>(status.error_code()), status.error_message());
}

// One call through all its attempts. Owned by whatever carries it on: the attempt, the timer, or
// the fetch of the ring.
class UnaryCalls::Call : public std::enable_shared_from_this<Call> {
 public:
  Call(UnaryCalls* owner, const char* method, Aim aim, MakeRequest make_request, Done done,
       Past past)
      : owner_(owner),
        method_(method),
        aim_(std::move(aim)),
        make_request_(std::move(make_request)),
        done_(std::move(done)),
        backoff_(owner->options_.retry, RandomSeed(), past.attempts),
        deadline_(past.began + owner->options_.timeout),
        failure_(std::move(past.failure)) {}

  void Begin() {
    if (failure_.code() != StatusCode::kResourceExhausted) return Attempt();
    Conclude(failure_);
  }

  void Attempt() {
    const Instant now = SystemClock().Now();
    target_ = view()->Pick(aim_);
    if (Status held = view()->MaySend(target_.endpoint, aim_); !held.ok()) return Conclude(held);
    request_ = make_request_(target_);
    started_ = now;
    const Duration at_most = std::min(deadline_ - now, owner_->options_.attempt_timeout);
    const Duration left = owner_->options_.retry.max_attempts <= 1
                              ? at_most
                              : view()->PatienceWith(target_, aim_, silences_, at_most);
    const CallMethod frame = FrameMethodOf(method_);
    NodeFrames* const frames =
        frame == CallMethod::kNone ? nullptr : view()->FramesTo(target_.endpoint);
    if (frames == nullptr) return AskByGrpc(left);
    frames->Ask(target_.endpoint, frame, request_, left,
                [self = shared_from_this(), left](StatusOr<SharedBytes> body) {
                  if (body.status().code() == StatusCode::kUnimplemented) {
                    return self->AskByGrpc(left);
                  }
                  if (!body.ok()) return self->HandleAnswer(body.status());
                  self->HandleAnswer(Rope(*std::move(body)));
                });
  }

 private:
  RingView* view() { return owner_->view_; }
  Duration left() const { return deadline_ - SystemClock().Now(); }

  void AskByGrpc(Duration left) {
    context_ = std::make_unique<grpc::ClientContext>();
    context_->set_deadline(std::chrono::system_clock::now() + left);
    channel_ = view()->ChannelTo(target_.endpoint);
    outgoing_ = ToByteBuffer(request_);
    incoming_.Clear();
    grpc::GenericStub stub(channel_);
    stub.UnaryCall(context_.get(), method_, grpc::StubOptions(), &outgoing_, &incoming_,
                   [self = shared_from_this()](const grpc::Status& status) {
                     if (!status.ok()) return self->HandleAnswer(ToStatus(status));
                     self->HandleAnswer(ToRope(self->incoming_));
                   });
  }

  void HandleAnswer(StatusOr<Rope> message) {
    const Status status = message.status();
    view()->HandleEnd(target_.endpoint, status, SystemClock().Now() - started_);
    view()->HandleLoad(target_.endpoint, aim_, status);
    if (status.ok()) {
      view()->CountReceived(message->size());
      return Finish(Answer{*std::move(message), target_.endpoint});
    }
    if (status.code() == StatusCode::kFailedPrecondition && target_.version.value() != 0) {
      return Refresh(status);
    }
    if (status.code() == StatusCode::kDeadlineExceeded) ++silences_;
    if (IsAway(status) && MayGoElsewhere()) {
      ++at_once_;
      view()->CountRetry(/*elsewhere=*/true);
      return Attempt();
    }
    Conclude(status);
  }

  // After a backoff again, if it may be.
  void Conclude(const Status& status) {
    at_once_ = 0;
    if (const auto delay = backoff_.Next(status, left())) return TryAfter(*delay);
    FinishWith(status);
  }

  bool MayGoElsewhere() {
    if (owner_->options_.retry.max_attempts <= 1) return false;
    if (at_once_ >= kMaxAtOnce || left() <= Duration()) return false;
    const Target next = view()->Find(aim_);
    return !next.is_last_resort && next.endpoint != target_.endpoint;
  }

  // The refusal may be of the route, by a node that knows a newer ring, or of the request itself.
  void Refresh(const Status& status) {
    ++refreshes_;
    view()->Refresh(target_.endpoint, [self = shared_from_this(), status](bool fetched) {
      self->HandleRefreshed(status, fetched);
    });
  }

  void HandleRefreshed(const Status& status, bool fetched) {
    if (view()->Find(aim_).version > target_.version && left() > Duration()) {
      view()->CountRetry(/*elsewhere=*/true);
      return Attempt();
    }
    if (fetched || refreshes_ >= kMaxRefreshes || left() <= RingView::kMinFetchInterval) {
      return FinishWith(status);
    }
    Wait(RingView::kMinFetchInterval, [this, status] { Refresh(status); });
  }

  void TryAfter(Duration delay) {
    Wait(delay, [this] {
      view()->CountRetry(/*elsewhere=*/false);
      Attempt();
    });
  }

  // The timer keeps this call alive, so the call must let go of the timer once it has rung.
  void Wait(Duration delay, std::function<void()> then) {
    alarm_ = std::make_unique<grpc::Alarm>();
    alarm_->Set(std::chrono::system_clock::now() + delay,
                [self = shared_from_this(), then = std::move(then)](bool) {
                  self->alarm_.reset();
                  then();
                });
  }

  void FinishWith(const Status& status) {
    if (!IsAway(status)) return Finish(status);
    Finish(Annotate(status, fmt::format("{}, attempt {}", target_.endpoint, backoff_.attempts())));
  }

  // Lets go of the channel before the owner hears of the end: the last reference to a channel must
  // not be dropped on a thread of gRPC's, which would wait for itself.
  void Finish(StatusOr<Answer> answer) {
    std::exchange(done_, nullptr)(std::move(answer));
    request_ = Rope();
    outgoing_.Clear();
    incoming_.Clear();
    make_request_ = nullptr;
    context_.reset();
    channel_.reset();
    owner_->Leave();
  }

  UnaryCalls* const owner_;
  const char* const method_;
  const Aim aim_;
  MakeRequest make_request_;
  Rope request_;
  grpc::ByteBuffer outgoing_;  // by gRPC
  grpc::ByteBuffer incoming_;  // likewise
  Done done_;
  Backoff backoff_;
  const Instant deadline_;
  const Status failure_;
  int at_once_ = 0;    // attempts since the last backoff
  int silences_ = 0;   // attempts that nobody answered in time
  int refreshes_ = 0;  // of the ring
  Target target_;
  Instant started_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<grpc::ClientContext> context_;  // of the current attempt
  std::unique_ptr<grpc::Alarm> alarm_;
};

UnaryCalls::~UnaryCalls() {
  std::unique_lock lock(mutex_);
  none_left_.wait(lock, [this] { return under_way_ == 0; });
}

void UnaryCalls::Start(const char* method, Aim aim, MakeRequest request, Done done, Past past) {
  Enter();
  auto call = std::make_shared<Call>(this, method, std::move(aim), std::move(request),
                                     std::move(done), std::move(past));
  view_->WhenReady([call = std::move(call)] { call->Begin(); });
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
