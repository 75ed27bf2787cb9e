#include <algorithm>
#include <string_view>

#include "client/client.h"

namespace carillon {
namespace {

constexpr std::size_t kMaxEndpoints = 256;
constexpr std::uint64_t kMaxPort = 65'535;

Status CheckEndpoint(std::string_view endpoint) {
  const std::size_t colon = endpoint.rfind(':');
  if (colon == std::string_view::npos) {
    return InvalidArgument("endpoint '{}' has no port: want HOST:PORT", endpoint);
  }
  if (colon == 0) return InvalidArgument("endpoint '{}' has no host: want HOST:PORT", endpoint);
  const auto is_space = [](char c) { return c == ' ' || c == '\t' || c == '/'; };
  if (std::any_of(endpoint.begin(), endpoint.end(), is_space)) {
    return InvalidArgument("endpoint '{}' is not HOST:PORT", endpoint);
  }
  const std::string_view port_text = endpoint.substr(colon + 1);
  ASSIGN_OR_RETURN(const std::uint64_t port,
                   ParseDecimal("port of the endpoint", port_text, kMaxPort));
  if (port == 0) return InvalidArgument("endpoint '{}' has the port 0", endpoint);
  return OkStatus();
}

}  // namespace

StatusOr<std::vector<std::string>> ParseEndpoints(std::string_view text) {
  std::vector<std::string> endpoints;
  while (true) {
    const std::size_t comma = text.find(',');
    const std::string_view endpoint = text.substr(0, comma);
    RETURN_IF_ERROR(CheckEndpoint(endpoint));
    endpoints.emplace_back(endpoint);
    if (endpoints.size() > kMaxEndpoints) {
      return InvalidArgument("more than {} endpoints", kMaxEndpoints);
    }
    if (comma == std::string_view::npos) return endpoints;
    text.remove_prefix(comma + 1);
  }
}

}  // namespace carillon
