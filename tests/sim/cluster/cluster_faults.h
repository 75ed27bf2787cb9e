#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "tests/sim/cluster/cluster_node.h"

namespace carillon {

// What goes wrong during the storm: which kinds at all, and how often, is chosen by the seed.
class ClusterFaults {
 public:
  using Nodes = std::vector<std::unique_ptr<ClusterNode>>;
  // `lose`: a node has lost its disk.
  ClusterFaults(ClusterShared* shared, const Nodes* nodes, std::function<void(ClusterNode*)> lose);

  void Start();
  // Everything is open, everybody runs. Those whose disk is lost do not come back.
  void Stop();
  std::uint64_t crashes() const { return crashes_; }

 private:
  enum class Kind : std::uint8_t {
    kCrash,
    kCrashAll,
    kPause,
    kSplit,
    kIsolate,
    kOneWay,
    kGray,
    kHeal,
    kClock,
    kSlowDisks,
    kWipe
  };

  void ScheduleNext();
  void DoSomething();
  void Do(Kind kind);
  void SendOneAway();
  void SendTwoAway();
  void CrashFor(ClusterNode* node, std::uint64_t time);
  void HealAfter(std::uint64_t time);
  void Wipe();
  ClusterNode* AnyNode();

  ClusterShared* const shared_;
  const Nodes* const nodes_;
  const std::function<void(ClusterNode*)> lose_;
  std::vector<Kind> kinds_;
  std::uint64_t every_ = 0;
  std::uint64_t crashes_ = 0;
  bool has_wiped_ = false;
};

}  // namespace carillon
