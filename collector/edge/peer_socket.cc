#include "collector/edge/peer_socket.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <utility>

#include "collector/edge/socket_address.h"

namespace carillon {
namespace {

int IntSize(std::size_t size) {
  return static_cast<int>(std::min<std::size_t>(size, std::numeric_limits<int>::max()));
}

}  // namespace

PeerSocket::PeerSocket(int descriptor, std::shared_ptr<const TlsContext> tls)
    : descriptor_(descriptor), address_(HostOf(PeerAddressOf(descriptor))), tls_(std::move(tls)) {
  const int on = 1;
  ::setsockopt(descriptor_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  ::setsockopt(descriptor_, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
  if (tls_ != nullptr) ssl_ = tls_->Accept(descriptor_);
}

PeerSocket::~PeerSocket() {
  Close();
}

// What OpenSSL's result means as that of recv or send.
ssize_t PeerSocket::Result(int result) {
  if (result > 0) return result;
  switch (::SSL_get_error(ssl_, result)) {
    case SSL_ERROR_ZERO_RETURN:
      return 0;
    case SSL_ERROR_WANT_WRITE:
      wants_write_ = true;
      errno = EAGAIN;
      return -1;
    case SSL_ERROR_WANT_READ:
      errno = EAGAIN;
      return -1;
    default:  // whatever it was, this connection is over
      errno = ECONNRESET;
      return -1;
  }
}

ssize_t PeerSocket::Receive(char* into, std::size_t size) {
  if (tls_ == nullptr || ended_) return ::recv(descriptor_, into, size, 0);
  if (ssl_ == nullptr) {
    errno = ENOMEM;
    return -1;
  }
  wants_write_ = false;
  ::ERR_clear_error();
  return Result(::SSL_read(ssl_, into, IntSize(size)));
}

ssize_t PeerSocket::Send(const char* bytes, std::size_t size) {
  if (tls_ == nullptr) return ::send(descriptor_, bytes, size, MSG_NOSIGNAL);
  if (ssl_ == nullptr) {
    errno = ENOMEM;
    return -1;
  }
  ::ERR_clear_error();
  return Result(::SSL_write(ssl_, bytes, IntSize(size)));
}

bool PeerSocket::HasPending() const {
  return ssl_ != nullptr && !ended_ && ::SSL_pending(ssl_) > 0;
}

void PeerSocket::EndSending() {
  ended_ = true;
  if (ssl_ != nullptr) (void)::SSL_shutdown(ssl_);  // best effort: the end of TCP follows
  ::shutdown(descriptor_, SHUT_WR);
}

void PeerSocket::Close() {
  if (ssl_ != nullptr) ::SSL_free(std::exchange(ssl_, nullptr));
  if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
}

}  // namespace carillon
