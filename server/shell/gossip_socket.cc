#include "server/shell/gossip_socket.h"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/check.h"

namespace carillon {
namespace {

constexpr int kBatchPackets = 64;  // between two looks at whether to end
constexpr int kBufferBytes = 1 << 20;

// "[::1]:80" -> "::1", "80". INVALID_ARGUMENT: not HOST:PORT.
StatusOr<std::pair<std::string, std::string>> SplitAddress(const std::string& address) {
  const std::size_t colon = address.rfind(':');
  if (colon == std::string::npos || colon == 0 || colon + 1 == address.size()) {
    return InvalidArgument("'{}' is not HOST:PORT", address);
  }
  std::string host = address.substr(0, colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  }
  return std::pair(std::move(host), address.substr(colon + 1));
}

}  // namespace

StatusOr<GossipSocket::Target> GossipSocket::LookUp(const std::string& address, bool numeric_only) {
  ASSIGN_OR_RETURN(const auto parts, SplitAddress(address));
  addrinfo hints{};
  hints.ai_socktype = SOCK_DGRAM;
  hints.ai_flags = AI_NUMERICSERV | (numeric_only ? AI_NUMERICHOST : 0);
  addrinfo* found = nullptr;
  const int error = getaddrinfo(parts.first.c_str(), parts.second.c_str(), &hints, &found);
  if (error != 0) return Unavailable("{}: {}", address, gai_strerror(error));
  Target target{};
  std::memcpy(&target.address, found->ai_addr, found->ai_addrlen);
  target.size = found->ai_addrlen;
  freeaddrinfo(found);
  return target;
}

std::string GossipSocket::ToText(const Target& target) {
  std::array<char, NI_MAXHOST> host{};
  std::array<char, NI_MAXSERV> port{};
  const int error =
      getnameinfo(reinterpret_cast<const sockaddr*>(&target.address), target.size, host.data(),
                  host.size(), port.data(), port.size(), NI_NUMERICHOST | NI_NUMERICSERV);
  if (error != 0) return {};
  const bool is_v6 = target.address.ss_family == AF_INET6;
  return is_v6 ? fmt::format("[{}]:{}", host.data(), port.data())
               : fmt::format("{}:{}", host.data(), port.data());
}

StatusOr<std::unique_ptr<GossipSocket>> GossipSocket::Open(const std::string& address,
                                                           const GossipSeal* seal,
                                                           GossipSocketOptions options,
                                                           Receive receive) {
  ASSIGN_OR_RETURN(Target target, LookUp(address, false));
  const int socket_fd =
      socket(target.address.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  const int wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (socket_fd < 0 || wake_fd < 0) {
    const int error = errno;
    if (socket_fd >= 0) close(socket_fd);
    if (wake_fd >= 0) close(wake_fd);
    return Unavailable("gossip on {}: {}", address, std::strerror(error));
  }
  std::unique_ptr<GossipSocket> opened(
      new GossipSocket(socket_fd, wake_fd, seal, options, std::move(receive)));
  // Best effort: the kernel's own sizes do too.
  (void)setsockopt(socket_fd, SOL_SOCKET, SO_RCVBUF, &kBufferBytes, sizeof kBufferBytes);
  if (bind(socket_fd, reinterpret_cast<const sockaddr*>(&target.address), target.size) != 0) {
    return Unavailable("gossip on {}: {}", address, std::strerror(errno));
  }
  target.size = sizeof target.address;
  CHECK(getsockname(socket_fd, reinterpret_cast<sockaddr*>(&target.address), &target.size) == 0);
  opened->address_ = ToText(target);
  opened->thread_ = std::thread(&GossipSocket::Run, opened.get());
  return opened;
}

GossipSocket::GossipSocket(int socket, int wake, const GossipSeal* seal,
                           GossipSocketOptions options, Receive receive)
    : socket_(socket), wake_(wake), seal_(seal), options_(options), receive_(std::move(receive)) {}

GossipSocket::~GossipSocket() {
  if (thread_.joinable()) {
    CHECK(eventfd_write(wake_, 1) == 0);
    thread_.join();
  }
  close(socket_);
  close(wake_);
}

Status GossipSocket::Learn(const std::string& address) {
  ASSIGN_OR_RETURN(const Target target, LookUp(address, false));
  const std::lock_guard lock(mutex_);
  if (learned_.size() >= kMaxLearnedAddresses && !learned_.contains(address)) {
    return ResourceExhausted("{} addresses are known", learned_.size());
  }
  learned_[address] = target;
  return OkStatus();
}

std::optional<GossipSocket::Target> GossipSocket::TargetOf(const std::string& address) const {
  {
    const std::lock_guard lock(mutex_);
    const auto known = learned_.find(address);
    if (known != learned_.end()) return known->second;
  }
  const auto numeric = LookUp(address, true);
  if (!numeric.ok()) return std::nullopt;
  return *numeric;
}

void GossipSocket::Send(const std::string& address, ByteSpan message) {
  const std::optional<Target> target = TargetOf(address);
  if (!target) {
    ++send_failed_;
    return;
  }
  const Bytes packet = seal_->Seal(message);
  const ssize_t sent = sendto(socket_, packet.data(), packet.size(), MSG_DONTWAIT,
                              reinterpret_cast<const sockaddr*>(&target->address), target->size);
  ++(sent == static_cast<ssize_t>(packet.size()) ? sent_ : send_failed_);
}

void GossipSocket::Run() {
  std::array<pollfd, 2> waiting{pollfd{.fd = socket_, .events = POLLIN, .revents = 0},
                                pollfd{.fd = wake_, .events = POLLIN, .revents = 0}};
  while (true) {
    const int ready = poll(waiting.data(), waiting.size(), -1);
    CHECK(ready >= 0 || errno == EINTR);
    if (ready < 0) continue;
    if (waiting[1].revents != 0) return;
    if (waiting[0].revents != 0) ReceiveAll();
  }
}

void GossipSocket::ReceiveAll() {
  // One byte more than is allowed, so that a larger one shows.
  std::array<char, kMaxGossipPacketBytes + 1> buffer;
  for (int i = 0; i < kBatchPackets; ++i) {
    Target from{.address = {}, .size = sizeof(sockaddr_storage)};
    const ssize_t size = recvfrom(socket_, buffer.data(), buffer.size(), 0,
                                  reinterpret_cast<sockaddr*>(&from.address), &from.size);
    // Nothing more, or an earlier packet of ours that did not arrive; neither concerns this one.
    if (size < 0) return;
    ++received_;
    const auto bytes = static_cast<std::size_t>(size);
    if (bytes > kMaxGossipPacketBytes) {
      ++too_large_;
    } else if (!TakeFromRate()) {
      ++over_rate_;
    } else {
      HandlePacket(from, {buffer.data(), bytes});
    }
  }
}

void GossipSocket::HandlePacket(const Target& from, ByteSpan packet) {
  auto message = seal_->Open(packet);
  if (!message.ok()) {
    ++bad_seal_;
    return;
  }
  receive_(ToText(from), *std::move(message));
}

bool GossipSocket::TakeFromRate() {
  const Instant now = SystemClock().Now();
  if (now - second_began_ >= std::chrono::seconds(1)) {
    second_began_ = now;
    taken_ = 0;
  }
  return taken_++ < options_.packets_per_second;
}

GossipSocketCounters GossipSocket::counters() const {
  return {.sent = sent_,
          .send_failed = send_failed_,
          .received = received_,
          .dropped_bad_seal = bad_seal_,
          .dropped_too_large = too_large_,
          .dropped_rate = over_rate_};
}

}  // namespace carillon
