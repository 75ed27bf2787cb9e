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
        deadline_(past.began + owner->options_.timeout) {}

  void Attempt() {
    const Instant now = SystemClock().Now();
    const Duration left = std::min(deadline_ - now, owner_->options_.attempt_timeout);
    context_ = std::make_unique<grpc::ClientContext>();
    context_->set_deadline(std::chrono::system_clock::now() + left);
    response_.Clear();
    target_ = view()->Pick(aim_);
    channel_ = view()->ChannelTo(target_.endpoint);
    request_ = make_request_(target_);
    started_ = now;
    grpc::GenericStub stub(channel_);
    stub.UnaryCall(context_.get(), method_, grpc::StubOptions(), &request_, &response_,
                   [self = shared_from_this()](const grpc::Status& status) {
                     self->HandleStatus(ToStatus(status));
                   });
  }

 private:
  RingView* view() { return owner_->view_; }
  Duration left() const { return deadline_ - SystemClock().Now(); }

  void HandleStatus(const Status& status) {
    view()->HandleEnd(target_.endpoint, status, SystemClock().Now() - started_);
    if (status.ok()) {
      view()->CountReceived(response_.Length());
      return Finish(Answer{std::move(response_), target_.endpoint});
    }
    if (status.code() == StatusCode::kFailedPrecondition && target_.version.value() != 0) {
      return Refresh(status);
    }
    if (IsAway(status) && MayGoElsewhere()) {
      ++at_once_;
      view()->CountRetry(/*elsewhere=*/true);
      return Attempt();
    }
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
    request_.Clear();
    make_request_ = nullptr;
    context_.reset();
    channel_.reset();
    owner_->Leave();
  }

  UnaryCalls* const owner_;
  const char* const method_;
  const Aim aim_;
  MakeRequest make_request_;
  grpc::ByteBuffer request_;
  grpc::ByteBuffer response_;
  Done done_;
  Backoff backoff_;
  const Instant deadline_;
  int at_once_ = 0;    // attempts since the last backoff
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
                                     std::move(done), past);
  view_->WhenReady([call = std::move(call)] { call->Attempt(); });
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
