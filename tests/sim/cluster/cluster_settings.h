#pragma once

#include <cstdint>

#include "server/node/node_mutations.h"

namespace carillon {

// What a cluster's world is like. A seed chooses among what a scenario allows.
struct ClusterSettings {
  std::uint64_t nodes_least = 3;
  std::uint64_t nodes_most = 5;
  std::uint64_t storm_seconds = 25;
  std::uint64_t writes_per_second = 10;
  std::uint64_t fault_every_ms = 1500;  // about; 0: no faults
  std::uint64_t admin_every_ms = 0;     // about; 0: nobody changes the ring
  bool crashes = true;
  bool pauses = true;
  bool cuts = true;  // of the network, and what else it does to messages
  bool slow_disks = true;
  bool clock_jumps = true;
  bool wipes = false;  // one node loses its disk for good
  bool bucket_changes = false;
  bool one_away = false;  // at most one node is away at any time, and then all must succeed
  // Nobody is ever away, words and disks are only late: no fallback is needed, so that w homes
  // must have everything at every moment.
  bool only_late = false;
  bool slow_anti_entropy = false;  // so that it does not mend what the rest should
};

// Rules that the world breaks, not the node.
struct ClusterMutations {
  NodeMutations node;
  bool ack_before_write = false;  // a store says OK, and writes a little later
  bool drop_unchecked = false;    // a store drops a partition though something was added
  friend bool operator==(const ClusterMutations&, const ClusterMutations&) = default;
};

}  // namespace carillon
