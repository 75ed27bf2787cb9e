#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/sim/cluster/cluster_history.h"
#include "tests/sim/cluster/cluster_node.h"

namespace carillon {

// Looks at every node's store, when the storm is over, without asking any node.
class ReplicaChecker {
 public:
  using Nodes = std::vector<std::unique_ptr<ClusterNode>>;
  ReplicaChecker(const ClusterState* state, const Nodes* nodes) : state_(state), nodes_(nodes) {}

  // What is not at rest yet; empty: all have the newest ring, nothing moves (I11), nobody holds
  // what is not his (I13), all homes of a partition hold the same (I5).
  std::string Unrest() const;

  // I1, I12: every acknowledged chunk is with all its homes, with its bytes. I4: so is every line
  // that was acknowledged. I7: nothing else is there.
  std::vector<std::string> Check(const ClusterHistory& history) const;

  // Of all partitions together, as their first homes have them: a split does not change it.
  std::map<std::pair<std::string, std::uint64_t>, Digest> Digests() const;  // by bucket and hour

 private:
  const ClusterNode* NodeOf(std::uint16_t member) const;
  std::string Unrest(std::size_t partition) const;
  void CheckHome(std::size_t partition, const ClusterNode& node, const ClusterHistory& history,
                 std::vector<std::string>* wrong) const;

  const ClusterState* state_;
  const Nodes* nodes_;
};

}  // namespace carillon
