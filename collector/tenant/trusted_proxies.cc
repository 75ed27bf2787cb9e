#include "collector/tenant/trusted_proxies.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cstring>
#include <optional>

#include "base/chunk_key.h"

namespace carillon {
namespace {

using Address = std::array<std::uint8_t, 16>;
constexpr std::array<std::uint8_t, 12> kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

std::optional<Address> ParseAddress(std::string_view text, bool* is_v4) {
  const std::string terminated(text);
  Address address{};
  *is_v4 = false;
  if (::inet_pton(AF_INET6, terminated.c_str(), address.data()) == 1) return address;
  std::copy(kMapped.begin(), kMapped.end(), address.begin());
  *is_v4 = true;
  if (::inet_pton(AF_INET, terminated.c_str(), address.data() + kMapped.size()) == 1) {
    return address;
  }
  return std::nullopt;
}

std::string_view Trim(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") + 1 - begin);
}

// Of "1.2.3.4:55" and "[::1]:55", as some proxies write them, the address.
std::string_view WithoutPort(std::string_view text) {
  if (text.starts_with('[')) return text.substr(1, text.find(']') - 1);
  const std::size_t colon = text.find(':');
  const bool one = colon != std::string_view::npos && text.find(':', colon + 1) == text.npos;
  return one ? text.substr(0, colon) : text;
}

}  // namespace

StatusOr<TrustedProxies> TrustedProxies::Parse(const std::vector<std::string>& networks) {
  TrustedProxies proxies;
  if (networks.size() > kMaxNetworks) {
    return InvalidArgument("{} trusted proxies, at most {}", networks.size(), kMaxNetworks);
  }
  for (const std::string& text : networks) {
    const std::size_t slash = std::min(text.find('/'), text.size());
    bool is_v4 = false;
    const auto address = ParseAddress(std::string_view(text).substr(0, slash), &is_v4);
    if (!address.has_value()) {
      return InvalidArgument("trusted proxy '{}' is no address or network (10.0.0.0/8)", text);
    }
    Network network{.address = *address, .bits = 128};
    if (slash < text.size()) {
      const unsigned most = is_v4 ? 32 : 128;
      ASSIGN_OR_RETURN(const std::uint64_t bits,
                       ParseDecimal("prefix", std::string_view(text).substr(slash + 1), most));
      network.bits = static_cast<unsigned>(bits) + 128 - most;
    }
    proxies.networks_.push_back(network);
  }
  return proxies;
}

bool TrustedProxies::Trusts(const Address& address) const {
  return std::any_of(networks_.begin(), networks_.end(), [&](const Network& network) {
    const unsigned whole = network.bits / 8;
    if (std::memcmp(address.data(), network.address.data(), whole) != 0) return false;
    const unsigned rest = network.bits % 8;
    return rest == 0 || ((address[whole] ^ network.address[whole]) >> (8 - rest)) == 0;
  });
}

std::string TrustedProxies::ClientAddress(std::string_view peer,
                                          std::string_view forwarded_for) const {
  std::string_view client = peer;
  if (networks_.empty() || forwarded_for.empty()) return std::string(client);
  for (std::size_t hop = 0; hop < kMaxHops; ++hop) {
    bool is_v4 = false;
    const auto address = ParseAddress(client, &is_v4);
    if (!address.has_value() || !Trusts(*address) || forwarded_for.empty()) break;
    const std::size_t comma = forwarded_for.rfind(',');
    const std::size_t begin = comma == std::string_view::npos ? 0 : comma + 1;
    const std::string_view before = WithoutPort(Trim(forwarded_for.substr(begin)));
    if (!ParseAddress(before, &is_v4).has_value()) break;
    client = before;
    forwarded_for = forwarded_for.substr(0, begin == 0 ? 0 : comma);
  }
  return std::string(client);
}

}  // namespace carillon
