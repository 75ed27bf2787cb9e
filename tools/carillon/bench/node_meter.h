#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "client/cluster_admin.h"

namespace carillon {

// What one node has used; between two readings, or since it began.
struct NodeUsage {
  std::string name;
  double cpu_seconds = 0;
  double resident_bytes = 0;   // now
  double client_bytes_in = 0;  // of chunk values, from and to clients
  double client_bytes_out = 0;
  double peer_bytes = 0;          // requests sent to other nodes, and answers to them
  double disk_bytes_written = 0;  // as the system counts them; 0 where it does not
  double log_bytes = 0;           // appended to the log
  double requests = 0;            // answered to clients over gRPC

  // What was used after `before`.
  NodeUsage Since(const NodeUsage& before) const;
};

// Of a node's metrics in Prometheus' text format. What is not there counts as 0. Pure.
NodeUsage UsageOf(std::string_view metrics);

// Reads the metrics of every member of a cluster. Threads: one caller at a time.
class NodeMeter {
 public:
  // Asks `admin` for the members. `options`: of the connections to them, but for the endpoints.
  static StatusOr<std::unique_ptr<NodeMeter>> Make(ClusterAdmin* admin, ClientOptions options);

  // By member, in the cluster's order. Fails if one does not answer.
  StatusOr<std::vector<NodeUsage>> Read();

 private:
  struct Node {
    std::string name;
    std::unique_ptr<ClusterAdmin> admin;
  };
  std::vector<Node> nodes_;
};

}  // namespace carillon
