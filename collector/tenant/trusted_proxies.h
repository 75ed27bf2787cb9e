#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace carillon {

// Whom to believe about who the client is: addresses and networks of proxies before the collector.
// Pure. Threads: any.
class TrustedProxies {
 public:
  static constexpr std::size_t kMaxNetworks = 1'000;
  // How many proxies of an X-Forwarded-For are looked at.
  static constexpr std::size_t kMaxHops = 16;

  // "10.0.0.0/8", "::1", "192.168.1.7". INVALID_ARGUMENT: anything else.
  static StatusOr<TrustedProxies> Parse(const std::vector<std::string>& networks);

  // The client's address: `peer`, unless that is trusted and names another in `forwarded_for` (the
  // header X-Forwarded-For). Of that the last address counts that is not trusted itself, as only
  // trusted ones wrote behind it.
  std::string ClientAddress(std::string_view peer, std::string_view forwarded_for) const;

 private:
  struct Network {
    std::array<std::uint8_t, 16> address{};  // IPv4 as ::ffff:a.b.c.d
    unsigned bits = 0;
  };
  bool Trusts(const std::array<std::uint8_t, 16>& address) const;

  std::vector<Network> networks_;
};

}  // namespace carillon
