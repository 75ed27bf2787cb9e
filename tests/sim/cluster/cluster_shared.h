#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/random.h"
#include "storage/store.h"
#include "tests/sim/cluster/checkers/ring_checker.h"
#include "tests/sim/cluster/cluster_network.h"
#include "tests/sim/cluster/cluster_settings.h"
#include "tests/sim/cluster/event_queue.h"

namespace carillon {

class ClusterNode;

// What all parts of one world share.
struct ClusterShared {
  ClusterShared(std::uint64_t seed, const ClusterSettings& settings,
                const ClusterMutations& mutations, bool verbose)
      : seed(seed),
        settings(settings),
        mutations(mutations),
        verbose(verbose),
        random(seed),
        network(settings, &random),
        slow_disks(settings.late_ms != 0) {}

  void Complain(std::string text) {
    violations.push_back(fmt::format("{:.3f} s: {}", Seconds(), text));
  }
  // For a replay with --verbose.
  template <typename... Args>
  void Tell(fmt::format_string<Args...> format, Args&&... args) {
    if (!verbose) return;
    fmt::print(stderr, "{:9.4f} {}\n", Seconds(), fmt::format(format, std::forward<Args>(args)...));
  }
  void Trace(std::uint64_t what) { trace = (trace ^ what) * 0x9e3779b97f4a7c15 + (trace >> 29); }
  double Seconds() const { return static_cast<double>(events.now()) / 1e6; }

  const std::uint64_t seed;
  const ClusterSettings settings;
  const ClusterMutations mutations;
  const bool verbose;
  Random random;
  EventQueue events;
  ClusterNetwork network;
  RingChecker ring;
  std::function<void(PartitionId)> on_offer;  // a node offers what it is no home of
  // A node has given away a partition, and with it these.
  std::function<void(const ClusterNode&, PartitionId, const std::vector<SyncEntry>&)> on_drop;
  std::vector<std::string> violations;
  std::uint64_t trace = 0;
  bool storm = true;  // faults may happen
  bool slow_disks;    // some of what disks do takes long
};

}  // namespace carillon
