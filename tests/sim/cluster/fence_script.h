#pragma once

#include <memory>
#include <vector>

#include "tests/sim/cluster/cluster_node.h"
#include "tests/sim/cluster/cluster_workload.h"

namespace carillon {

// Writes that end, or begin, while their partition moves and those who carry them do not know yet.
// Round after round the homes that a small bucket uses (n_val 1; n_val 2 with w 1) are replaced, by
// up to two at once, and a node that is no home, and hears of that late, puts a chunk:
//
//   slow disk   the old homes take the write, the partition moves on, and only then is it on disk;
//   late home   the old homes hear of the change late too: they are asked for what they have, and
//               take the write afterwards.
//
// Either write would be acknowledged by homes that are none any more, after the new ones have
// pulled for the last time. The seed chooses whom, which, and when, around these moments.
class FenceScript {
 public:
  using Nodes = std::vector<std::unique_ptr<ClusterNode>>;
  FenceScript(ClusterShared* shared, const Nodes* nodes, ClusterWorkload* workload)
      : shared_(shared), nodes_(nodes), workload_(workload) {}

  // Nothing, unless the settings want a script.
  void Start();
  void Stop() { stopped_ = true; }

 private:
  struct Round {
    PartitionId partition;
    std::vector<std::uint16_t> target;  // the homes of the partition, as they are to be
    std::vector<ClusterNode*> old;      // homes that are to go
    ClusterNode* coordinator = nullptr;
    ClusterNode* admin = nullptr;
  };

  void ScheduleNext();
  void DoRound();
  Round Choose(const ClusterState& state, std::size_t replaced);
  void Move(const Round& round);
  void WithSlowDisk(const Round& round, const std::string& bucket);
  void WithLateHome(const Round& round, const std::string& bucket);
  ClusterNode* NodeOf(const ClusterState& state, std::size_t member) const;

  ClusterShared* const shared_;
  const Nodes* const nodes_;
  ClusterWorkload* const workload_;
  bool stopped_ = false;
};

}  // namespace carillon
