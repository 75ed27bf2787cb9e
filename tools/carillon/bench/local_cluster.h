#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tools/carillon/bench/child_node.h"

namespace carillon {

// A ring of child processes on loopback, with data in a temporary directory. All of it goes with
// this object.
class LocalCluster {
 public:
  // Starts `nodes` of them, in `parent`, and waits until they are one ring (a minute at most).
  static StatusOr<std::unique_ptr<LocalCluster>> Start(std::size_t nodes,
                                                       const std::string& parent);
  ~LocalCluster();

  const std::vector<std::string>& endpoints() const { return endpoints_; }

 private:
  LocalCluster() = default;
  std::unique_ptr<TemporaryDirectory> directory_;  // goes after the nodes
  std::vector<std::unique_ptr<ChildProcess>> nodes_;
  std::vector<std::string> endpoints_;
};

}  // namespace carillon
