#include "server/api/acceptor.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

#include "base/log.h"
#include "frames/frame.h"

namespace carillon {
namespace {

constexpr int kLookEveryMs = 1000;  // for closed connections, while there are open ones

std::string ErrnoText() {
  return std::generic_category().message(errno);
}

int OpenReserve() {
  return ::open("/dev/null", O_RDONLY | O_CLOEXEC);
}

StatusOr<int> BindAndListen(const addrinfo& info, int backlog) {
  const int fd =
      ::socket(info.ai_family, info.ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, info.ai_protocol);
  if (fd < 0) return Unavailable("socket: {}", ErrnoText());
  const int on = 1;
  (void)::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  (void)::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);  // accepted sockets inherit it
  if (::bind(fd, info.ai_addr, info.ai_addrlen) == 0 && ::listen(fd, backlog) == 0) return fd;
  const Status status = Unavailable("{}", ErrnoText());
  (void)::close(fd);
  return status;
}

std::string BoundPort(int fd) {
  sockaddr_storage storage;
  socklen_t size = sizeof storage;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &size) != 0) return "0";
  const auto port = storage.ss_family == AF_INET6
                        ? reinterpret_cast<sockaddr_in6*>(&storage)->sin6_port
                        : reinterpret_cast<sockaddr_in*>(&storage)->sin_port;
  return std::to_string(ntohs(port));
}

std::uint64_t InodeOf(int fd) {
  struct stat status;
  return ::fstat(fd, &status) == 0 ? status.st_ino : 0;
}

}  // namespace

Acceptor::Acceptor(int listener, std::string address, const Options& options, Metrics* metrics)
    : options_(options),
      address_(std::move(address)),
      metrics_(metrics),
      listener_(listener),
      stop_(::eventfd(0, EFD_CLOEXEC)),
      reserve_(OpenReserve()) {}

StatusOr<std::unique_ptr<Acceptor>> Acceptor::Listen(const Options& options, Metrics* metrics) {
  const std::size_t colon = options.address.rfind(':');
  if (colon == std::string::npos || colon == 0 || colon + 1 == options.address.size()) {
    return InvalidArgument("'{}' is not HOST:PORT", options.address);
  }
  std::string host = options.address.substr(0, colon);
  const std::string port = options.address.substr(colon + 1);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  }
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  if (const int error = ::getaddrinfo(host.c_str(), port.c_str(), &hints, &found); error != 0) {
    return InvalidArgument("'{}': {}", options.address, ::gai_strerror(error));
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> addresses(found, ::freeaddrinfo);
  const auto listener = BindAndListen(*addresses, options.backlog);
  if (!listener.ok()) return Annotate(listener.status(), "listen on " + options.address);
  const std::string bound = options.address.substr(0, colon + 1) + BoundPort(*listener);
  return std::unique_ptr<Acceptor>(new Acceptor(*listener, bound, options, metrics));
}

Acceptor::~Acceptor() {
  Stop();
  for (const Silent& silent : silent_) (void)::close(silent.fd);
  for (const int fd : {listener_, stop_, reserve_}) {
    if (fd >= 0) (void)::close(fd);
  }
}

void Acceptor::Start(Takers takers) {
  takers_ = std::move(takers);
  thread_ = std::thread([this] { Loop(); });
}

void Acceptor::Stop() {
  if (!thread_.joinable()) return;
  const std::uint64_t one = 1;
  (void)!::write(stop_, &one, sizeof one);
  thread_.join();
}

void Acceptor::Loop() {
  std::vector<pollfd> watched;
  while (true) {
    watched.assign({{listener_, POLLIN, 0}, {stop_, POLLIN, 0}});
    for (const Silent& silent : silent_) watched.push_back({silent.fd, POLLIN, 0});
    const int ready = ::poll(watched.data(), watched.size(), open_.empty() ? -1 : kLookEveryMs);
    if (ready < 0 && errno != EINTR) LogError("poll: {}", ErrnoText());
    if ((watched[1].revents & POLLIN) != 0) return;
    HearSilent(watched, SystemClock().Now());
    if (ready > 0 && (watched[0].revents & POLLIN) != 0) {
      AcceptOne();
    } else {
      ForgetClosed();
    }
  }
}

// `watched`: the listener, the eventfd, then silent_ in its order.
void Acceptor::HearSilent(const std::vector<pollfd>& watched, Instant now) {
  constexpr std::size_t kOthers = 2;
  std::vector<Silent> still;
  for (std::size_t i = 0; i < silent_.size(); ++i) {
    const int fd = silent_[i].fd;
    char first[kPreambleMarkBytes];
    const ssize_t size = watched[kOthers + i].revents == 0
                             ? -1
                             : ::recv(fd, first, sizeof first, MSG_PEEK | MSG_DONTWAIT);
    if (size > 0) {
      const ByteSpan said(first, static_cast<std::size_t>(size));
      HandOver(fd, said == FramePreamble().substr(0, kPreambleMarkBytes));
    } else if (watched[kOthers + i].revents != 0 || now - silent_[i].since > kSpeakWithin) {
      (void)::close(fd);
    } else {
      still.push_back(silent_[i]);
    }
  }
  silent_ = std::move(still);
}

void Acceptor::HandOver(int connection, bool frames) {
  const int one = 1;
  (void)::setsockopt(connection, SOL_SOCKET, SO_RCVLOWAT, &one, sizeof one);
  if (!frames) return takers_.grpc(listener_, connection);
  if (takers_.frames) return takers_.frames(connection);
  (void)::close(connection);
}

void Acceptor::ForgetClosed() {
  const std::size_t before = open_.size();
  std::erase_if(open_, [](const Handed& one) { return InodeOf(one.fd) != one.inode; });
  if (open_.size() != before) metrics_->SetConnections("grpc", open_.size());
}

// Takes the connection in with the reserve, closes it, and gets the reserve back.
void Acceptor::RefuseForWantOfDescriptors() {
  if (reserve_ >= 0) (void)::close(std::exchange(reserve_, -1));
  const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
  if (fd >= 0) (void)::close(fd);
  reserve_ = OpenReserve();
  metrics_->CountConnection("grpc", false);
  LogWarning("a connection is refused: no descriptors left");
  // Somebody else took the reserve: do not spin on a listener that stays ready.
  if (reserve_ < 0) (void)::poll(nullptr, 0, 10);
}

void Acceptor::AcceptOne() {
  const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (fd < 0) {
    if (errno == EMFILE || errno == ENFILE) RefuseForWantOfDescriptors();
    return;  // the others: the peer was gone again
  }
  if (open_.size() >= options_.max_connections) ForgetClosed();
  const bool room = open_.size() < options_.max_connections;
  metrics_->CountConnection("grpc", room);
  if (!room) {
    (void)::close(fd);
    return;
  }
  open_.push_back({.fd = fd, .inode = InodeOf(fd)});
  metrics_->SetConnections("grpc", open_.size());
  // Readable when it has said enough to be told apart; gRPC's own preface is longer.
  const int enough = kPreambleMarkBytes;
  (void)::setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &enough, sizeof enough);
  silent_.push_back({.fd = fd, .since = SystemClock().Now()});
}

}  // namespace carillon
