#include "collector/edge/listener.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "base/log.h"

namespace carillon {
namespace {

constexpr int kMaxAcceptsAtOnce = 64;  // then others get their turn

int OpenReserve() {
  return ::open("/dev/null", O_RDONLY | O_CLOEXEC);
}

Status CannotListen(const SocketAddress& at) {
  return Unavailable("listening on {}: {}", ToString(at), std::strerror(errno));
}

// A bound socket, or -1 and errno.
int Bind(const SocketAddress& at, bool share) {
  const int descriptor = ::socket(at.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return -1;
  const int on = 1;
  ::setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  if (share) ::setsockopt(descriptor, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
  if (::bind(descriptor, at.get(), at.size) == 0) return descriptor;
  const int why = errno;
  ::close(descriptor);
  errno = why;
  return -1;
}

}  // namespace

Status CheckPortIsFree(const SocketAddress& at) {
  if (PortOf(at) == 0) return OkStatus();
  const int probe = Bind(at, false);
  if (probe < 0) return CannotListen(at);
  ::close(probe);
  return OkStatus();
}

StatusOr<std::shared_ptr<Listener>> Listener::Open(EdgeLoop* loop, const SocketAddress& at,
                                                   int backlog, Handler handler,
                                                   std::function<void()> shed) {
  const int descriptor = Bind(at, true);
  if (descriptor < 0) return CannotListen(at);
  auto listener = std::shared_ptr<Listener>(
      new Listener(loop, descriptor, std::move(handler), std::move(shed)));
  if (::listen(descriptor, backlog) != 0) return CannotListen(at);
  return listener;
}

Listener::Listener(EdgeLoop* loop, int descriptor, Handler handler, std::function<void()> shed)
    : loop_(loop),
      descriptor_(descriptor),
      handler_(std::move(handler)),
      shed_(std::move(shed)),
      reserve_(OpenReserve()) {}

Listener::~Listener() {
  if (descriptor_ >= 0) ::close(descriptor_);
  if (reserve_ >= 0) ::close(reserve_);
}

void Listener::Start() {
  loop_->Add(shared_from_this());
  loop_->Watch(this, descriptor_, true, false);
}

void Listener::OnReady(bool /*readable*/, bool /*writable*/) {
  if (descriptor_ < 0 || AcceptSome()) return;
  resting_ = true;
  loop_->Watch(this, descriptor_, false, false);
}

void Listener::Tick(Instant /*now*/) {
  if (descriptor_ >= 0 && std::exchange(resting_, false)) {
    loop_->Watch(this, descriptor_, true, false);
  }
}

void Listener::Drain() {
  if (descriptor_ >= 0) (void)AcceptSome();  // the rest of a longer queue is reset
  Close();
}

void Listener::Close() {
  const auto self = shared_from_this();
  if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
  loop_->Remove(this);
}

bool Listener::AcceptSome() {
  for (int i = 0; i < kMaxAcceptsAtOnce; ++i) {
    const int accepted = ::accept4(descriptor_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (accepted >= 0) {
      shedding_ = false;
      handler_(accepted);
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      return true;
    } else if (errno == EMFILE || errno == ENFILE) {
      if (!ShedOne()) return false;
    } else if (errno != EINTR && errno != ECONNABORTED) {
      LogError("edge: accept: {}", std::strerror(errno));
      return false;
    }
  }
  return true;
}

bool Listener::ShedOne() {
  if (!std::exchange(shedding_, true)) {
    LogWarning("edge: out of file descriptors, connections are closed");
  }
  if (reserve_ >= 0) ::close(reserve_);
  const int accepted = reserve_ >= 0 ? ::accept4(descriptor_, nullptr, nullptr, SOCK_CLOEXEC) : -1;
  if (accepted >= 0) {
    ::close(accepted);
    shed_();
  }
  reserve_ = OpenReserve();
  return accepted >= 0;
}

}  // namespace carillon
