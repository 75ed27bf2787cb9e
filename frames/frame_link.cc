#include "frames/frame_link.h"

#include <algorithm>
#include <utility>

#include <boost/asio/connect.hpp>
#include <boost/asio/post.hpp>

namespace carillon {
namespace {

using boost::asio::ip::tcp;

struct HostPort {
  std::string host;
  std::string port;
};

HostPort Split(const std::string& address) {
  const std::size_t colon = address.rfind(':');
  if (colon == std::string::npos) return {address, ""};
  std::string host = address.substr(0, colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  }
  return {std::move(host), address.substr(colon + 1)};
}

}  // namespace

FrameLink::FrameLink(boost::asio::io_context* io, std::string address, std::size_t max_reply_bytes)
    : io_(io),
      address_(std::move(address)),
      max_reply_bytes_(max_reply_bytes),
      resolver_(*io),
      socket_(*io) {}

void FrameLink::Ask(FrameKind kind, Rope request, Instant now, Duration timeout, Done done) {
  std::unique_lock lock(mutex_);
  Status refused = stopped_;
  if (refused.ok() && connection_ == nullptr && !connecting_) {
    if (now < rest_until_) refused = last_failure_;
    if (refused.ok()) Connect(now);
  }
  if (refused.ok() && connection_ == nullptr &&
      waiting_bytes_ + request.size() > kMaxWaitingBytes) {
    refused = Unavailable("too much waits for a connection");
  }
  if (!refused.ok()) {
    lock.unlock();
    return done(refused);
  }
  if (calls_.empty()) moved_ = now;
  const std::uint64_t id = next_id_++;
  calls_.emplace(id, Call{.done = std::move(done), .expires = now + timeout});
  if (connection_ == nullptr) {
    waiting_bytes_ += request.size();
    waiting_.push_back({.kind = kind, .id = id, .request = std::move(request)});
    return;
  }
  const auto connection = connection_;
  lock.unlock();
  if (connection->Send(kind, id, std::move(request))) return;
  lock.lock();
  auto call = calls_.extract(id);  // empty: its end came from elsewhere
  lock.unlock();
  if (call) call.mapped().done(Unavailable("the connection is closed or full"));
}

// Requires: the lock is held, idle.
void FrameLink::Connect(Instant now) {
  connecting_ = true;
  connect_until_ = now + kConnectTimeout;
  boost::asio::post(*io_,
                    [self = shared_from_this(), attempt = ++attempt_] { self->Resolve(attempt); });
}

void FrameLink::Resolve(std::uint64_t attempt) {
  const HostPort to = Split(address_);
  resolver_.async_resolve(
      to.host, to.port, tcp::resolver::numeric_service,
      [self = shared_from_this(), attempt](const boost::system::error_code& error,
                                           const tcp::resolver::results_type& found) {
        if (error) return self->Fail(attempt, Unavailable("{}", error.message()));
        self->HandleResolved(attempt, found);
      });
}

void FrameLink::HandleResolved(std::uint64_t attempt, const tcp::resolver::results_type& found) {
  {
    const std::lock_guard lock(mutex_);
    if (!connecting_ || attempt != attempt_) return;
  }
  socket_ = tcp::socket(*io_);
  boost::asio::async_connect(
      socket_, found,
      [self = shared_from_this(), attempt](const boost::system::error_code& error,
                                           const tcp::endpoint& /*at*/) {
        if (error) return self->Fail(attempt, Unavailable("{}", error.message()));
        self->HandleConnected(attempt);
      });
}

void FrameLink::HandleConnected(std::uint64_t attempt) {
  {
    const std::lock_guard lock(mutex_);
    if (!connecting_ || attempt != attempt_) return;
  }
  ungreeted_ = FrameConnection::New(std::exchange(socket_, tcp::socket(*io_)),
                                    {.max_body_bytes = max_reply_bytes_});
  ungreeted_->Start(
      [self = shared_from_this()](Frame frame) { self->HandleFrame(std::move(frame)); },
      [self = shared_from_this(), attempt](const Status& why) { self->HandleClosed(attempt, why); },
      [self = shared_from_this(), attempt] { self->HandleGreeted(attempt); });
}

void FrameLink::HandleGreeted(std::uint64_t attempt) {
  const auto connection = std::exchange(ungreeted_, nullptr);
  std::unique_lock lock(mutex_);
  if (!connecting_ || attempt != attempt_) {
    return connection->Close(Unavailable("connected too late"));
  }
  connecting_ = false;
  rest_ = kFirstRest;
  connection_ = connection;
  auto waiting = std::exchange(waiting_, {});
  waiting_bytes_ = 0;
  lock.unlock();
  for (Waiting& one : waiting) {
    if (!connection->Send(one.kind, one.id, std::move(one.request))) break;
  }
}

void FrameLink::Fail(std::uint64_t attempt, const Status& why) {
  std::unique_lock lock(mutex_);
  if (!connecting_ || attempt != attempt_) return;
  connecting_ = false;
  last_failure_ = why;
  rest_until_ = SystemClock().Now() + rest_;
  rest_ = std::min(rest_ * 2, kMaxRest);
  Ended ended = TakeAll();
  lock.unlock();
  EndAll(std::move(ended), why);
}

void FrameLink::HandleFrame(Frame frame) {
  std::unique_lock lock(mutex_);
  auto call = calls_.extract(frame.id);  // empty: it was given up
  lock.unlock();
  if (!call) return;
  if (frame.kind == FrameKind::kReply) return call.mapped().done(std::move(frame.body));
  call.mapped().done(frame.kind == FrameKind::kRefusal
                         ? DecodeRefusal(frame.body.view())
                         : DataLoss("a request where a reply was due"));
}

void FrameLink::HandleClosed(std::uint64_t attempt, const Status& why) {
  std::unique_lock lock(mutex_);
  if (attempt != attempt_) return;
  if (connecting_) {  // before it was greeted
    lock.unlock();
    ungreeted_.reset();
    return Fail(attempt, why);
  }
  const auto let_go = std::exchange(connection_, nullptr);
  if (let_go == nullptr) return;
  Ended ended = TakeAll();
  lock.unlock();
  EndAll(std::move(ended), why);
}

void FrameLink::Tick(Instant now) {
  std::unique_lock lock(mutex_);
  Ended late;
  for (auto call = calls_.begin(); call != calls_.end();) {
    if (call->second.expires <= now) {
      late.push_back(std::move(call->second.done));
      call = calls_.erase(call);
    } else {
      ++call;
    }
  }
  const std::uint64_t progress = connection_ == nullptr ? 0 : connection_->progress();
  if (std::exchange(progress_, progress) != progress) moved_ = now;
  const bool stands = !calls_.empty() && now - moved_ > kSilence;
  const auto silent = stands ? connection_ : nullptr;
  const std::uint64_t slow = connecting_ && connect_until_ <= now ? attempt_ : 0;
  lock.unlock();
  EndAll(std::move(late), DeadlineExceeded("no answer in time"));
  if (silent != nullptr) silent->Close(Unavailable("connected, but silent"));
  if (slow != 0) {
    Fail(slow, Unavailable("no connection in time"));
    AbandonAttempt(slow);
  }
}

void FrameLink::AbandonAttempt(std::uint64_t attempt) {
  boost::asio::post(*io_, [self = shared_from_this(), attempt] {
    {
      const std::lock_guard lock(self->mutex_);
      if (self->attempt_ != attempt) return;  // the next one has begun
    }
    boost::system::error_code ignored;
    if (self->ungreeted_) {
      std::exchange(self->ungreeted_, nullptr)->Close(Unavailable("not greeted in time"));
    }
    self->resolver_.cancel();
    self->socket_.close(ignored);
  });
}

bool FrameLink::busy() const {
  const std::lock_guard lock(mutex_);
  return connecting_ || !calls_.empty();
}

void FrameLink::Stop(const Status& why) {
  std::unique_lock lock(mutex_);
  stopped_ = why;
  connecting_ = false;
  const auto connection = std::exchange(connection_, nullptr);
  const std::uint64_t attempt = attempt_;
  Ended ended = TakeAll();
  lock.unlock();
  if (connection != nullptr) connection->Close(why);
  AbandonAttempt(attempt);
  EndAll(std::move(ended), why);
}

// Requires: the lock is held.
FrameLink::Ended FrameLink::TakeAll() {
  Ended ended;
  ended.reserve(calls_.size());
  for (auto& [id, call] : calls_) ended.push_back(std::move(call.done));
  calls_.clear();
  waiting_.clear();
  waiting_bytes_ = 0;
  return ended;
}

void FrameLink::EndAll(Ended ended, const Status& why) {
  for (const Done& done : ended) done(why);
}

}  // namespace carillon
