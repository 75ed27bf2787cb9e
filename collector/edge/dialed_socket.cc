#include "collector/edge/dialed_socket.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace carillon {
namespace {

constexpr int kLookMs = 200;  // whether it is cancelled
constexpr std::size_t kReceiveBytes = 16 * 1024;
constexpr std::size_t kMostAtOnce = std::size_t{1} << 20;

}  // namespace

Status DialedSocket::Wait(short events, Instant deadline) const {
  while (!cancelled_) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - SystemClock().Now());
    if (left.count() <= 0) return Unavailable("it took too long");
    pollfd poll{.fd = descriptor_, .events = events, .revents = 0};
    const int ready = ::poll(&poll, 1, static_cast<int>(std::min<long>(left.count() + 1, kLookMs)));
    if (ready > 0) return OkStatus();
    if (ready < 0 && errno != EINTR) return Unavailable("poll: {}", std::strerror(errno));
  }
  return Unavailable("it stops");
}

template <typename Call>
StatusOr<std::size_t> DialedSocket::Until(Instant deadline, Call call) {
  while (true) {
    ::ERR_clear_error();
    const Tried tried = call();
    if (tried.bytes >= 0) return static_cast<std::size_t>(tried.bytes);
    if (tried.waits_for == 0) return Failure();
    RETURN_IF_ERROR(Wait(tried.waits_for, deadline));
  }
}

// Of a call of the system that waits for `events`, or of OpenSSL, which says what it waits for.
DialedSocket::Tried DialedSocket::Done(ssize_t result, short events) const {
  if (ssl_ == nullptr) {
    const bool again = result < 0 && (errno == EAGAIN || errno == EINTR);
    return {.bytes = result, .waits_for = again ? events : short{0}};
  }
  if (result > 0) return {.bytes = result};
  switch (::SSL_get_error(ssl_, static_cast<int>(result))) {
    case SSL_ERROR_ZERO_RETURN:
      return {.bytes = 0};
    case SSL_ERROR_WANT_READ:
      return {.waits_for = POLLIN};
    case SSL_ERROR_WANT_WRITE:
      return {.waits_for = POLLOUT};
    default:
      return {};
  }
}

Status DialedSocket::Failure() const {
  if (ssl_ == nullptr) return Unavailable("{}", std::strerror(errno));
  if (const long verified = ::SSL_get_verify_result(ssl_); verified != X509_V_OK) {
    return Unavailable("TLS: {}", ::X509_verify_cert_error_string(verified));
  }
  const unsigned long error = ::ERR_get_error();
  if (error == 0) return Unavailable("TLS: the connection was closed");
  std::array<char, 256> text{};
  ::ERR_error_string_n(error, text.data(), text.size());
  return Unavailable("TLS: {}", text.data());
}

Status DialedSocket::Dial(const DialAddress& address, Duration timeout) {
  Close();
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int looked = ::getaddrinfo(address.host.c_str(), address.port.c_str(), &hints, &found);
  if (looked != 0) return Unavailable("{}", ::gai_strerror(looked));
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owned(found, &::freeaddrinfo);
  const Instant end = SystemClock().Now() + timeout;
  std::ptrdiff_t left = 0;
  for (const addrinfo* one = found; one != nullptr; one = one->ai_next) ++left;
  Status status = Unavailable("no address");
  for (const addrinfo* one = found; one != nullptr; one = one->ai_next, --left) {
    // Each its share: the first may be one that never answers.
    const Instant now = SystemClock().Now();
    const Instant deadline = now + (end - now) / left;
    status = Connect(*one, deadline);
    if (status.ok() && address.trust != nullptr) status = ShakeHands(address, deadline);
    if (status.ok()) return status;
    Close();
  }
  return status;
}

Status DialedSocket::Connect(const addrinfo& where, Instant deadline) {
  descriptor_ =
      ::socket(where.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, where.ai_protocol);
  if (descriptor_ < 0) return Failure();
  const int on = 1;
  (void)::setsockopt(descriptor_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  (void)::setsockopt(descriptor_, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
  if (::connect(descriptor_, where.ai_addr, where.ai_addrlen) == 0) return OkStatus();
  if (errno != EINPROGRESS) return Failure();
  RETURN_IF_ERROR(Wait(POLLOUT, deadline));
  int error = 0;
  socklen_t size = sizeof(error);
  (void)::getsockopt(descriptor_, SOL_SOCKET, SO_ERROR, &error, &size);
  return error == 0 ? OkStatus() : Unavailable("{}", std::strerror(error));
}

Status DialedSocket::ShakeHands(const DialAddress& address, Instant deadline) {
  ssl_ = address.trust->Connect(descriptor_, address.host);
  if (ssl_ == nullptr) return Unavailable("TLS: no memory");
  const auto done = Until(deadline, [this] { return Done(::SSL_connect(ssl_), 0); });
  if (!done.ok()) return done.status();
  return *done > 0 ? OkStatus() : Unavailable("TLS: the connection was closed");
}

bool DialedSocket::HasNews() {
  pollfd poll{.fd = descriptor_, .events = POLLIN, .revents = 0};
  if (ssl_ == nullptr) return ::poll(&poll, 1, 0) != 0;
  // What has come may be TLS's own, like tickets for the next connection.
  char byte = 0;
  ::ERR_clear_error();
  return Done(::SSL_peek(ssl_, &byte, 1), 0).waits_for == 0;
}

Status DialedSocket::Send(std::string_view bytes, Duration timeout) {
  while (!bytes.empty()) {
    const Instant deadline = SystemClock().Now() + timeout;
    const std::size_t size = std::min(bytes.size(), kMostAtOnce);
    ASSIGN_OR_RETURN(
        const std::size_t sent, Until(deadline, [&] {
          return ssl_ == nullptr
                     ? Done(::send(descriptor_, bytes.data(), size, MSG_NOSIGNAL), POLLOUT)
                     : Done(::SSL_write(ssl_, bytes.data(), static_cast<int>(size)), 0);
        }));
    if (sent == 0) return Unavailable("the connection was closed");
    bytes.remove_prefix(sent);
  }
  return OkStatus();
}

Status DialedSocket::Receive(std::string* out, Duration timeout) {
  const Instant deadline = SystemClock().Now() + timeout;
  std::array<char, kReceiveBytes> buffer;
  ASSIGN_OR_RETURN(const std::size_t got, Until(deadline, [&] {
                     return ssl_ == nullptr
                                ? Done(::recv(descriptor_, buffer.data(), buffer.size(), 0), POLLIN)
                                : Done(::SSL_read(ssl_, buffer.data(), int{kReceiveBytes}), 0);
                   }));
  if (got == 0) return Unavailable("the connection was closed");
  out->append(buffer.data(), got);
  return OkStatus();
}

void DialedSocket::Close() {
  if (ssl_ != nullptr) ::SSL_free(std::exchange(ssl_, nullptr));
  if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
}

}  // namespace carillon
