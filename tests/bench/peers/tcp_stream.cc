#include "tests/bench/peers/tcp_stream.h"

#include <arpa/inet.h>
#include <limits.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

namespace carillon {
namespace {

constexpr std::size_t kBufferBytes = 16 * 1024;
constexpr int kTimeoutSeconds = 60;

// Drops the first `bytes` of the pieces from `*first` on.
void Advance(std::vector<iovec>* pieces, std::size_t* first, std::size_t bytes) {
  while (*first < pieces->size()) {
    iovec& piece = (*pieces)[*first];
    const std::size_t taken = std::min(bytes, piece.iov_len);
    piece.iov_base = static_cast<char*>(piece.iov_base) + taken;
    piece.iov_len -= taken;
    bytes -= taken;
    if (piece.iov_len != 0) return;
    ++*first;
  }
}

}  // namespace

TcpStream::TcpStream(int descriptor) : descriptor_(descriptor), buffer_(kBufferBytes, '\0') {
  const int on = 1;
  const timeval timeout{.tv_sec = kTimeoutSeconds, .tv_usec = 0};
  (void)::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  (void)::setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
  (void)::setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout);
}

TcpStream::~TcpStream() {
  (void)::close(descriptor_);
}

StatusOr<std::unique_ptr<TcpStream>> TcpStream::Connect(int port) {
  const int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(descriptor, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    (void)::close(descriptor);
    return Unavailable("no connection to port {}", port);
  }
  return std::unique_ptr<TcpStream>(new TcpStream(descriptor));
}

Status TcpStream::Write(const std::vector<std::string_view>& pieces) {
  std::vector<iovec> left;
  for (const std::string_view piece : pieces) {
    if (!piece.empty()) left.push_back({const_cast<char*>(piece.data()), piece.size()});
  }
  for (std::size_t first = 0; first < left.size();) {
    msghdr message{};
    message.msg_iov = &left[first];
    message.msg_iovlen = std::min<std::size_t>(left.size() - first, IOV_MAX);
    const ssize_t sent = ::sendmsg(descriptor_, &message, MSG_NOSIGNAL);
    if (sent <= 0) return Unavailable("sending: {}", std::strerror(errno));
    Advance(&left, &first, static_cast<std::size_t>(sent));
  }
  return OkStatus();
}

Status TcpStream::Fill() {
  if (begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  if (end_ == buffer_.size()) return DataLoss("a line of over {} bytes", buffer_.size());
  const ssize_t got = ::recv(descriptor_, buffer_.data() + end_, buffer_.size() - end_, 0);
  if (got == 0) return Unavailable("the server has closed the connection");
  if (got < 0) return Unavailable("receiving: {}", std::strerror(errno));
  end_ += static_cast<std::size_t>(got);
  return OkStatus();
}

StatusOr<std::string_view> TcpStream::ReadLine() {
  for (std::size_t looked = 0;;) {
    const std::string_view there(buffer_.data() + begin_, end_ - begin_);
    const std::size_t found = there.find("\r\n", looked);
    if (found != std::string_view::npos) {
      begin_ += found + 2;
      return there.substr(0, found);
    }
    looked = there.empty() ? 0 : there.size() - 1;
    RETURN_IF_ERROR(Fill());
  }
}

Status TcpStream::Read(std::size_t size, std::string* to) {
  to->resize(size);
  std::size_t have = std::min(size, end_ - begin_);
  std::memcpy(to->data(), buffer_.data() + begin_, have);
  begin_ += have;
  while (have < size) {
    const ssize_t got = ::recv(descriptor_, to->data() + have, size - have, 0);
    if (got == 0) return Unavailable("the server has closed the connection");
    if (got < 0) return Unavailable("receiving: {}", std::strerror(errno));
    have += static_cast<std::size_t>(got);
  }
  return OkStatus();
}

}  // namespace carillon
