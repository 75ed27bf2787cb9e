#include "client/ring_view.h"

#include <future>
#include <utility>

#include <grpcpp/client_context.h>
#include <grpcpp/generic/generic_stub.h>

#include "client/conversion.h"
#include "client/messages.h"
#include "proto/byte_buffer.h"

namespace carillon {

bool IsAway(const Status& status) {
  return status.code() == StatusCode::kUnavailable ||
         status.code() == StatusCode::kDeadlineExceeded;
}

struct RingView::Fetch {
  std::string endpoint;
  int attempts_left = kFetchAttempts;
  grpc::ByteBuffer request;
  grpc::ByteBuffer response;
  std::unique_ptr<grpc::ClientContext> context;
};

RingView::RingView(const ClientOptions& options)
    : ring_aware_(options.ring_aware),
      router_(options.endpoints),
      random_(RandomSeed()),
      ready_(!options.ring_aware) {}

RingView::~RingView() {
  std::unique_lock lock(mutex_);
  stopping_ = true;
  idle_.wait(lock, [this] { return !fetching_; });
}

void RingView::WhenReady(std::function<void()> act) {
  std::shared_ptr<Fetch> fetch;
  {
    const std::lock_guard lock(mutex_);
    if (!ready_) {
      waiters_.push_back([act](bool) { act(); });
      if (fetching_) return;
      fetch = NewFetch("");
    }
  }
  if (!fetch) return act();
  Start(std::move(fetch));
}

void RingView::WaitUntilReady() {
  std::promise<void> ready;
  WhenReady([&ready] { ready.set_value(); });
  ready.get_future().get();
}

Router::Ring RingView::ring() const {
  const std::lock_guard lock(mutex_);
  return router_.ring();
}

Target RingView::Find(const Aim& aim) const {
  const std::lock_guard lock(mutex_);
  return router_.Find(aim, SystemClock().Now());
}

Target RingView::Pick(const Aim& aim) {
  const std::lock_guard lock(mutex_);
  return router_.Pick(aim, SystemClock().Now());
}

std::map<std::string, std::vector<std::size_t>> RingView::Group(
    const std::string& bucket, const std::vector<std::string>& keys) {
  const std::lock_guard lock(mutex_);
  return router_.Group(bucket, keys, SystemClock().Now());
}

std::string RingView::NextHome(const Aim& aim, const std::vector<std::string>& except) const {
  const std::lock_guard lock(mutex_);
  return router_.NextHome(aim, except, SystemClock().Now());
}

std::shared_ptr<grpc::Channel> RingView::ChannelTo(const std::string& endpoint) {
  {
    const std::lock_guard lock(mutex_);
    ++counters_.requests[endpoint];
  }
  return channels_.To(endpoint);
}

Duration RingView::PatienceWith(const Target& target, const Aim& aim, int silences,
                                Duration at_most) const {
  if (target.is_last_resort || aim.kind == Aim::Kind::kAnyNode) return at_most;
  const std::lock_guard lock(mutex_);
  const auto patience = router_.health().Patience();
  if (!patience || router_.NextHome(aim, {target.endpoint}, SystemClock().Now()).empty()) {
    return at_most;
  }
  Duration result = *patience;
  for (int i = 0; i < silences && result < at_most; ++i) result *= 2;
  return std::min(result, at_most);
}

NodeFrames* RingView::FramesTo(const std::string& endpoint) {
  if (!frames_.Speaks(endpoint, SystemClock().Now())) return nullptr;
  const std::lock_guard lock(mutex_);
  ++counters_.requests[endpoint];
  return &frames_;
}

void RingView::HandleEnd(const std::string& endpoint, const Status& status,
                         std::optional<Duration> latency) {
  std::shared_ptr<Fetch> fetch;
  {
    const std::lock_guard lock(mutex_);
    const Instant now = SystemClock().Now();
    if (!IsAway(status)) {
      // An error is quick, and says nothing about how long the work takes.
      if (!status.ok()) latency.reset();
      return router_.health()->HandleAnswer(endpoint, latency, now);
    }
    router_.health()->HandleFailure(endpoint, now);
    if (MayFetch(kDoubtInterval)) fetch = NewFetch("");
  }
  if (fetch) Start(std::move(fetch));
}

namespace {

std::string LoadNameOf(const std::string& endpoint, const Aim& aim) {
  return fmt::format("{} {} {}", endpoint, static_cast<int>(aim.kind), aim.bucket);
}

}  // namespace

Status RingView::MaySend(const std::string& endpoint, const Aim& aim) {
  const std::lock_guard lock(mutex_);
  if (throttle_.IsIdle()) return OkStatus();
  constexpr std::uint64_t kSteps = 1 << 20;
  const double chance = static_cast<double>(random_.Below(kSteps)) / kSteps;
  if (throttle_.MaySend(LoadNameOf(endpoint, aim), chance, SystemClock().Now())) return OkStatus();
  return ResourceExhausted("{} refuses most requests: this one was held back", endpoint);
}

void RingView::HandleLoad(const std::string& endpoint, const Aim& aim, const Status& status) {
  if (IsAway(status)) return;
  const bool refused = status.code() == StatusCode::kResourceExhausted;
  const std::lock_guard lock(mutex_);
  if (!refused && throttle_.IsIdle()) return;
  const std::string name = LoadNameOf(endpoint, aim);
  const Instant now = SystemClock().Now();
  if (refused) {
    throttle_.HandleRefused(name, now);
  } else {
    throttle_.HandleTaken(name, now);
  }
}

void RingView::HearVersion(StateVersion version, const std::string& endpoint) {
  std::shared_ptr<Fetch> fetch;
  {
    const std::lock_guard lock(mutex_);
    if (version <= asked_for_ || !MayFetch(kMinFetchInterval)) return;
    fetch = NewFetch(endpoint);
  }
  Start(std::move(fetch));
}

void RingView::Refresh(const std::string& endpoint, std::function<void(bool)> done) {
  std::shared_ptr<Fetch> fetch;
  {
    std::unique_lock lock(mutex_);
    const bool may_fetch = MayFetch(kMinFetchInterval);
    if (!fetching_ && !may_fetch) {
      lock.unlock();
      return done(false);
    }
    if (fetching_) {
      waiters_.push_back([done = std::move(done)](bool) { done(false); });
      return;
    }
    waiters_.push_back(std::move(done));
    fetch = NewFetch(endpoint);
  }
  Start(std::move(fetch));
}

bool RingView::MayFetch(Duration interval) const {
  if (!ring_aware_ || fetching_ || stopping_) return false;
  return !fetched_at_ || SystemClock().Now() - *fetched_at_ >= interval;
}

std::shared_ptr<RingView::Fetch> RingView::NewFetch(std::string at) {
  fetching_ = true;
  auto fetch = std::make_shared<Fetch>();
  fetch->endpoint = at.empty() ? router_.Pick({}, SystemClock().Now()).endpoint : std::move(at);
  v1::GetClusterStateRequest request;
  request.set_known_version(router_.version().value());
  fetch->request = ToByteBuffer(Serialize(request));
  return fetch;
}

void RingView::Start(std::shared_ptr<Fetch> fetch) {
  fetch->context = std::make_unique<grpc::ClientContext>();
  fetch->context->set_deadline(std::chrono::system_clock::now() + kFetchTimeout);
  fetch->response.Clear();
  {
    const std::lock_guard lock(mutex_);
    ++counters_.ring_fetches;
  }
  grpc::GenericStub stub(channels_.To(fetch->endpoint));
  Fetch* const call = fetch.get();
  stub.UnaryCall(
      call->context.get(), "/carillon.v1.ClusterService/GetClusterState", grpc::StubOptions(),
      &call->request, &call->response, [this, fetch](const grpc::Status& status) mutable {
        HandleFetched(
            std::exchange(fetch, nullptr),
            MakeStatus(static_cast<StatusCode>(status.error_code()), status.error_message()));
      });
}

// Whoever waits is told before the fetch is over: they are calls that this view must outlive.
void RingView::HandleFetched(const std::shared_ptr<Fetch>& fetch, const Status& status) {
  fetch->context.reset();
  std::vector<Waiter> waiters;
  {
    std::unique_lock lock(mutex_);
    const Instant now = SystemClock().Now();
    if (status.ok()) (void)Adopt(*fetch);  // a state that cannot be is none: requests go on without
    if (IsAway(status)) {
      router_.health()->HandleFailure(fetch->endpoint, now);
      const std::string next = router_.Pick({}, now).endpoint;
      if (!stopping_ && --fetch->attempts_left > 0 && next != fetch->endpoint) {
        fetch->endpoint = next;
        lock.unlock();
        return Start(fetch);
      }
    }
    ready_ = true;
    fetched_at_ = now;
    waiters.swap(waiters_);
  }
  for (const Waiter& waiter : waiters) waiter(true);
  std::unique_lock lock(mutex_);
  while (!waiters_.empty()) {  // they came while the others were told
    waiters = std::exchange(waiters_, {});
    lock.unlock();
    for (const Waiter& waiter : waiters) waiter(false);
    lock.lock();
  }
  fetching_ = false;
  idle_.notify_all();  // under the lock: the destructor may run as soon as it is released
}

Status RingView::Adopt(const Fetch& fetch) {
  counters_.bytes_received += fetch.response.Length();
  ASSIGN_OR_RETURN(const Rope bytes, ToRope(fetch.response));
  ASSIGN_OR_RETURN(const auto message, Parse<v1::GetClusterStateResponse>(bytes));
  asked_for_ = std::max(asked_for_, StateVersion(message.version()));
  if (message.unchanged()) return OkStatus();
  ASSIGN_OR_RETURN(std::optional<ClusterState> state, FromMessage(message));
  if (!state) return OkStatus();
  std::set<std::string> members;
  for (const Member& member : state->members) members.insert(member.address);
  if (router_.Adopt(std::make_shared<const ClusterState>(*std::move(state)))) {
    frames_.SetMembers(std::move(members));
  }
  return OkStatus();
}

void RingView::CountRetry(bool elsewhere) {
  const std::lock_guard lock(mutex_);
  ++counters_.retries;
  if (elsewhere) ++counters_.reroutes;
}

void RingView::CountReceived(std::size_t bytes) {
  const std::lock_guard lock(mutex_);
  counters_.bytes_received += bytes;
}

ClientCounters RingView::counters() const {
  const std::lock_guard lock(mutex_);
  return counters_;
}

}  // namespace carillon
