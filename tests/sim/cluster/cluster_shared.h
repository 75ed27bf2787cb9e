#pragma once

#include <string>
#include <vector>

#include "base/random.h"
#include "tests/sim/cluster/checkers/ring_checker.h"
#include "tests/sim/cluster/cluster_network.h"
#include "tests/sim/cluster/cluster_settings.h"
#include "tests/sim/cluster/event_queue.h"

namespace carillon {

// What all parts of one world share.
struct ClusterShared {
  ClusterShared(std::uint64_t seed, const ClusterSettings& settings,
                const ClusterMutations& mutations, bool verbose)
      : seed(seed),
        settings(settings),
        mutations(mutations),
        verbose(verbose),
        random(seed),
        network(settings.cuts, settings.only_late, &random),
        slow_disks(settings.only_late) {}

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
  std::vector<std::string> violations;
  std::uint64_t trace = 0;
  bool storm = true;  // faults may happen
  bool slow_disks;    // some of what disks do takes long
};

}  // namespace carillon
