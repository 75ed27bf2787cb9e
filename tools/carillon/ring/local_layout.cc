#include "tools/carillon/ring/local_layout.h"

#include <limits>

#include <simdjson.h>

#include "base/chunk_key.h"
#include "base/json_writer.h"

namespace carillon {
namespace {

constexpr std::uint64_t kMaxPort = std::numeric_limits<std::uint16_t>::max();

Status Damaged() {
  return DataLoss("local.json is not what `carillon local` wrote");
}

}  // namespace

std::string LocalNode::grpc_address() const {
  return fmt::format("127.0.0.1:{}", grpc);
}

StatusOr<std::vector<LocalNode>> MakeLocalNodes(std::uint64_t count, std::uint64_t base_port) {
  if (count == 0 || count > kMaxLocalNodes) {
    return InvalidArgument("{} nodes: want 1 to {}", count, kMaxLocalNodes);
  }
  if (base_port == 0 || base_port > kMaxPort || base_port + 2 * count - 1 > kMaxPort) {
    return InvalidArgument("{} nodes from port {} on need ports beyond {}", count, base_port,
                           kMaxPort);
  }
  std::vector<LocalNode> nodes;
  for (std::uint64_t i = 0; i < count; ++i) {
    nodes.push_back({.name = fmt::format("node{}", i + 1),
                     .grpc = static_cast<std::uint16_t>(base_port + 2 * i),
                     .http = static_cast<std::uint16_t>(base_port + 2 * i + 1)});
  }
  return nodes;
}

std::string LocalFile(const std::vector<LocalNode>& nodes) {
  JsonWriter json;
  json.BeginObject().Key("nodes").BeginArray();
  for (const LocalNode& node : nodes) {
    json.BeginObject().Field("name", node.name).Field("grpc", node.grpc);
    json.Field("http", node.http).EndObject();
  }
  return json.EndArray().EndObject().Take() + "\n";
}

StatusOr<std::vector<LocalNode>> ParseLocalFile(std::string_view text) {
  simdjson::dom::parser parser;
  simdjson::dom::array list;
  if (parser.parse(simdjson::padded_string(text))["nodes"].get(list) != simdjson::SUCCESS) {
    return Damaged();
  }
  std::vector<LocalNode> nodes;
  for (const simdjson::dom::element element : list) {
    std::string_view name;
    std::uint64_t grpc = 0;
    std::uint64_t http = 0;
    if (element["name"].get(name) != simdjson::SUCCESS ||
        element["grpc"].get(grpc) != simdjson::SUCCESS ||
        element["http"].get(http) != simdjson::SUCCESS || grpc > kMaxPort || http > kMaxPort ||
        !CheckName("name", name).ok()) {
      return Damaged();
    }
    nodes.push_back({.name = std::string(name),
                     .grpc = static_cast<std::uint16_t>(grpc),
                     .http = static_cast<std::uint16_t>(http)});
  }
  if (nodes.empty() || nodes.size() > kMaxLocalNodes) return Damaged();
  return nodes;
}

std::vector<std::string> NodeArguments(const std::string& program, const std::string& directory,
                                       const std::vector<LocalNode>& nodes, std::size_t index) {
  const LocalNode& node = nodes[index];
  std::vector<std::string> arguments = {program,
                                        "--data",
                                        directory + "/" + node.name,
                                        "--name",
                                        node.name,
                                        "--listen",
                                        node.grpc_address(),
                                        "--http",
                                        fmt::format("127.0.0.1:{}", node.http)};
  if (index > 0) {
    arguments.push_back("--join");
    arguments.push_back(nodes.front().grpc_address());
  }
  return arguments;
}

std::string EndpointsOf(const std::vector<LocalNode>& nodes) {
  std::string text;
  for (const LocalNode& node : nodes) text += (text.empty() ? "" : ",") + node.grpc_address();
  return text;
}

}  // namespace carillon
