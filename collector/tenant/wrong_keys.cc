#include "collector/tenant/wrong_keys.h"

#include <arpa/inet.h>

#include <algorithm>
#include <string>

namespace carillon {
namespace {

constexpr std::size_t kMappedBytes = 12;  // of ::ffff:a.b.c.d, before the address
constexpr std::size_t kNetworkBytes = 8;  // of IPv6: a /64
constexpr std::uint8_t kMappedMark = 0xff;

bool IsMapped(const std::array<std::uint8_t, 16>& address) {
  return std::all_of(address.begin(), address.begin() + 10, [](auto byte) { return byte == 0; }) &&
         address[10] == kMappedMark && address[11] == kMappedMark;
}

// What is no address at all is one and the same.
std::array<std::uint8_t, 16> NetworkOf(std::string_view text) {
  const std::string terminated(text);
  std::array<std::uint8_t, 16> network{};
  if (::inet_pton(AF_INET6, terminated.c_str(), network.data()) == 1) {
    if (!IsMapped(network)) std::fill(network.begin() + kNetworkBytes, network.end(), 0);
    return network;
  }
  network = {};
  if (::inet_pton(AF_INET, terminated.c_str(), network.data() + kMappedBytes) == 1) {
    network[10] = network[11] = kMappedMark;
  }
  return network;
}

}  // namespace

WrongKeys::Seen& WrongKeys::Find(const Network& network, Instant now) {
  const auto young = young_.find(network);
  if (young != young_.end()) return young->second;
  if (young_.size() >= kMaxAddresses / 2) {
    old_ = std::move(young_);
    young_.clear();
  }
  Seen seen{.filled = now};
  const auto old = old_.find(network);
  if (old != old_.end()) seen = old->second;
  return young_.emplace(network, seen).first->second;
}

std::optional<Duration> WrongKeys::Count(std::string_view address, Instant now) {
  Seen& seen = Find(NetworkOf(address), now);
  const auto gained = (now - seen.filled) / kEvery;
  if (gained > 0) {
    seen.left = static_cast<std::uint32_t>(std::min<std::int64_t>(seen.left + gained, kBurst));
    seen.filled += gained * kEvery;
  }
  if (seen.left == 0) return seen.filled + kEvery - now;
  --seen.left;
  return std::nullopt;
}

}  // namespace carillon
