#include "collector/edge/socket_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <array>
#include <cstring>
#include <limits>

#include "base/chunk_key.h"

namespace carillon {
namespace {

const sockaddr_in& V4(const SocketAddress& address) {
  return reinterpret_cast<const sockaddr_in&>(address.storage);
}
const sockaddr_in6& V6(const SocketAddress& address) {
  return reinterpret_cast<const sockaddr_in6&>(address.storage);
}

}  // namespace

StatusOr<SocketAddress> ParseSocketAddress(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return InvalidArgument("address '{}' is not IP:PORT", text);
  ASSIGN_OR_RETURN(
      const std::uint64_t port,
      ParseDecimal("port", text.substr(colon + 1), std::numeric_limits<std::uint16_t>::max()));
  std::string host(text.substr(0, colon));
  if (host == "localhost") host = "127.0.0.1";
  SocketAddress address;
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    auto& v6 = reinterpret_cast<sockaddr_in6&>(address.storage);
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(static_cast<std::uint16_t>(port));
    address.size = sizeof(v6);
    if (::inet_pton(AF_INET6, host.substr(1, host.size() - 2).c_str(), &v6.sin6_addr) == 1) {
      return address;
    }
  } else {
    auto& v4 = reinterpret_cast<sockaddr_in&>(address.storage);
    v4.sin_family = AF_INET;
    v4.sin_port = htons(static_cast<std::uint16_t>(port));
    address.size = sizeof(v4);
    if (::inet_pton(AF_INET, host.c_str(), &v4.sin_addr) == 1) return address;
  }
  return InvalidArgument("address '{}': '{}' is not an IP", text, host);
}

std::uint16_t PortOf(const SocketAddress& address) {
  return ntohs(address.family() == AF_INET6 ? V6(address).sin6_port : V4(address).sin_port);
}

std::string HostOf(const SocketAddress& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const void* ip = &V4(address).sin_addr;
  int family = address.family();
  if (family == AF_INET6) {
    const in6_addr& v6 = V6(address).sin6_addr;
    const bool mapped = IN6_IS_ADDR_V4MAPPED(&v6);
    ip = mapped ? static_cast<const void*>(v6.s6_addr + 12) : &v6;
    if (mapped) family = AF_INET;
  }
  if (::inet_ntop(family, ip, text.data(), text.size()) == nullptr) return {};
  return text.data();
}

std::string ToString(const SocketAddress& address) {
  return address.family() == AF_INET6 ? fmt::format("[{}]:{}", HostOf(address), PortOf(address))
                                      : fmt::format("{}:{}", HostOf(address), PortOf(address));
}

SocketAddress LocalAddressOf(int descriptor) {
  SocketAddress address;
  address.size = sizeof(address.storage);
  (void)::getsockname(descriptor, reinterpret_cast<sockaddr*>(&address.storage), &address.size);
  return address;
}

SocketAddress PeerAddressOf(int descriptor) {
  SocketAddress address;
  address.size = sizeof(address.storage);
  (void)::getpeername(descriptor, reinterpret_cast<sockaddr*>(&address.storage), &address.size);
  return address;
}

}  // namespace carillon
