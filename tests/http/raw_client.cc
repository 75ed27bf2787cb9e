#include "tests/http/raw_client.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace carillon {
namespace {

constexpr int kReadTimeoutSeconds = 20;

std::size_t ParseSize(std::string_view text, int base) {
  std::size_t size = 0;
  std::from_chars(text.data(), text.data() + text.size(), size, base);
  return size;
}

}  // namespace

RawClient::RawClient(std::uint16_t port, int receive_buffer_bytes) {
  descriptor_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (receive_buffer_bytes > 0) {
    ::setsockopt(descriptor_, SOL_SOCKET, SO_RCVBUF, &receive_buffer_bytes,
                 sizeof(receive_buffer_bytes));
  }
  const timeval timeout{.tv_sec = kReadTimeoutSeconds, .tv_usec = 0};
  ::setsockopt(descriptor_, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(::connect(descriptor_, reinterpret_cast<sockaddr*>(&to), sizeof(to)), 0);
}

RawClient::~RawClient() {
  ::close(descriptor_);
}

bool RawClient::Send(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto sent = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

bool RawClient::Fill() {
  char bytes[65536];
  const auto got = ::recv(descriptor_, bytes, sizeof(bytes), 0);
  if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) ADD_FAILURE() << "nothing in 20 s";
  if (got <= 0) return false;
  buffer_.append(bytes, static_cast<std::size_t>(got));
  return true;
}

bool RawClient::TakeLine(std::string* line) {
  std::size_t end = 0;
  while ((end = buffer_.find("\r\n")) == std::string::npos) {
    if (!Fill()) return false;
  }
  *line = buffer_.substr(0, end);
  buffer_.erase(0, end + 2);
  return true;
}

bool RawClient::TakeBytes(std::size_t size, std::string* out) {
  while (buffer_.size() < size) {
    if (!Fill()) return false;
  }
  out->append(buffer_, 0, size);
  buffer_.erase(0, size);
  return true;
}

bool RawClient::TakeChunks(std::string* out) {
  while (true) {
    std::string line;
    if (!TakeLine(&line)) return false;
    const std::size_t size = ParseSize(line, 16);
    if (size > 0 && !TakeBytes(size, out)) return false;
    if (!TakeLine(&line)) return false;
    if (size == 0) return true;
  }
}

RawClient::Response RawClient::Read(bool to_head) {
  Response response;
  std::string line;
  while (TakeLine(&line) && !line.empty()) response.head += line + "\r\n";
  if (!line.empty() || response.head.size() < 12) return response;
  response.status = static_cast<int>(ParseSize(response.head.substr(9, 3), 10));
  if (to_head || response.status == 100) {
    response.whole = true;
  } else if (response.Header("Transfer-Encoding") == "chunked") {
    response.whole = TakeChunks(&response.body);
  } else {
    response.whole = TakeBytes(ParseSize(response.Header("Content-Length"), 10), &response.body);
  }
  return response;
}

std::string RawClient::Response::Header(std::string_view name) const {
  const std::string want = "\r\n" + std::string(name) + ": ";
  const auto same = [](char a, char b) { return std::tolower(a) == std::tolower(b); };
  const auto at = std::search(head.begin(), head.end(), want.begin(), want.end(), same);
  if (at == head.end()) return {};
  const auto begin = static_cast<std::size_t>(at - head.begin()) + want.size();
  return head.substr(begin, head.find("\r\n", begin) - begin);
}

RawClient::Response RawClient::Ask(std::string_view method, std::string_view target,
                                   std::string_view body, std::string_view headers) {
  std::string request = fmt::format("{} {} HTTP/1.1\r\nHost: test\r\n{}", method, target, headers);
  if (!body.empty()) request += fmt::format("Content-Length: {}\r\n", body.size());
  request += "\r\n";
  request += body;
  if (!Send(request)) return {};
  return Read(method == "HEAD");
}

bool RawClient::IsClosedByServer() {
  while (true) {
    char bytes[65536];
    const auto got = ::recv(descriptor_, bytes, sizeof(bytes), 0);
    if (got == 0 || (got < 0 && errno == ECONNRESET)) return true;
    if (got < 0) return false;
  }
}

}  // namespace carillon
