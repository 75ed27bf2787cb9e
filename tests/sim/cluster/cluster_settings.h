#pragma once

#include <cstdint>

#include "ring/cluster_state.h"
#include "server/node/node_mutations.h"

namespace carillon {

// What a cluster's world is like. A seed chooses among what a scenario allows.
struct ClusterSettings {
  std::uint64_t nodes_least = 3;
  std::uint64_t nodes_most = 5;
  std::uint32_t partition_bits = kMinPartitionBits;
  std::uint64_t storm_seconds = 25;
  std::uint64_t writes_per_second = 10;  // 0: clients do nothing by themselves
  std::uint64_t claims_per_second = 0;   // 0: none
  bool writes_at_offers = false;         // into partitions that somebody is about to give away
  std::uint64_t burst_ms = 0;            // clients work so long, and rest for the rest of each
  std::uint64_t burst_every_ms = 1;      // of these; 0 ms: they never rest
  std::uint64_t fault_every_ms = 1500;   // about; 0: no faults
  std::uint64_t admin_every_ms = 0;      // about; 0: nobody changes the ring
  bool crashes = true;
  bool pauses = true;
  bool cuts = true;  // of the network, and what else it does to messages
  bool slow_disks = true;
  bool clock_jumps = true;
  bool wipes = false;  // one node loses its disk for good
  bool bucket_changes = false;
  bool rule_changes = false;  // of all buckets n_val and w, up and down
  bool all_sizes = false;     // buckets that use fewer homes than others
  bool one_away = false;      // at most one node is away at any time, and then all must succeed
  // Two nodes at a time are cut off for long: from one other node, or from all.
  enum class TwoAway : std::uint8_t { kNever, kFromOne, kFromAll };
  TwoAway two_away = TwoAway::kNever;
  // Half of the words and all disks are late by up to this; copies are looked at more often. 0:
  // not.
  std::uint64_t late_ms = 0;
  // Some nodes hear of a new ring late, by up to this.
  std::uint64_t late_news_ms = 0;
  std::uint64_t slow_writes_ms = 0;  // every fourth write to a disk takes up to this
  bool shuffles = false;             // admins give each partition other homes, up to three at once
  bool fence_script = false;         // see fence_script.h
  // Nobody is ever away: no fallback is needed, so that w homes must have everything at every
  // moment.
  bool nobody_away = false;
  bool many = false;  // so many nodes that nobody looks at all disks all the time; only at the end
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
