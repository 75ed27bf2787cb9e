#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

// The nodes of `carillon local`: names, directories, ports, and the file that remembers them. Pure.
namespace carillon {

inline constexpr std::size_t kMaxLocalNodes = 32;

struct LocalNode {
  std::string name;        // "node1"
  std::uint16_t grpc = 0;  // of 127.0.0.1
  std::uint16_t http = 0;
  std::string grpc_address() const;
};

// `count` nodes from `base_port` on: gRPC on even places, HTTP on the odd ones behind them.
// INVALID_ARGUMENT: no node, too many, or a port beyond the last.
StatusOr<std::vector<LocalNode>> MakeLocalNodes(std::uint64_t count, std::uint64_t base_port);

// {"nodes":[{"name":"node1","grpc":7480,"http":7481}]}
std::string LocalFile(const std::vector<LocalNode>& nodes);
// DATA_LOSS: no such file.
StatusOr<std::vector<LocalNode>> ParseLocalFile(std::string_view text);

// How carillond is started. The first node founds the cluster, the others join it.
std::vector<std::string> NodeArguments(const std::string& program, const std::string& directory,
                                       const std::vector<LocalNode>& nodes, std::size_t index);

// What CARILLON_ENDPOINT must be.
std::string EndpointsOf(const std::vector<LocalNode>& nodes);

}  // namespace carillon
