#pragma once

#include <sys/socket.h>

#include <string>
#include <string_view>

#include "base/status.h"

namespace carillon {

// An IP and a port, as the system calls want them.
struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;

  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
  int family() const { return storage.ss_family; }
};

// "127.0.0.1:7490", "[::1]:0", "localhost:80". INVALID_ARGUMENT: anything but an IP and a port.
StatusOr<SocketAddress> ParseSocketAddress(std::string_view text);
// "127.0.0.1:80", "[::1]:80".
std::string ToString(const SocketAddress& address);
std::uint16_t PortOf(const SocketAddress& address);
// The IP alone; that of an IPv4 client of an IPv6 socket as IPv4.
std::string HostOf(const SocketAddress& address);

SocketAddress LocalAddressOf(int descriptor);
SocketAddress PeerAddressOf(int descriptor);

}  // namespace carillon
