#pragma once

#include <memory>
#include <vector>

#include "tests/sim/cluster/claim_workload.h"
#include "tests/sim/cluster/cluster_admin.h"
#include "tests/sim/cluster/cluster_faults.h"
#include "tests/sim/cluster/cluster_peers.h"
#include "tests/sim/cluster/cluster_workload.h"
#include "tests/sim/cluster/fence_script.h"
#include "tests/sim/scenario/scenario.h"

namespace carillon {

// A whole cluster in one thread: nodes on simulated machines, clients, admins, and what goes wrong.
// First a storm; then everything heals, and within kCalmSeconds all must be at rest, with
// everything that was acknowledged where it belongs. At the end some of the requests that nodes
// made of each other are made again, and nothing may change (I20).
class ClusterWorld {
 public:
  static constexpr std::uint64_t kCalmSeconds = 300;

  ClusterWorld(std::uint64_t seed, const ClusterSettings& settings,
               const ClusterMutations& mutations, bool verbose);
  ClusterWorld(const ClusterWorld&) = delete;
  ClusterWorld& operator=(const ClusterWorld&) = delete;

  // Once.
  SimResult Run();

 private:
  bool IsOver() const { return !shared_.violations.empty(); }
  ClusterNode* AddNode();
  void FoundCluster();
  void Begin(ClusterState state);
  void RunFor(std::uint64_t time);
  void WatchCopies();
  void CountCopies();
  void CheckServing();
  void CheckDropped(const ClusterNode& by, PartitionId partition,
                    const std::vector<SyncEntry>& dropped);
  void ComeToRest();
  void CheckReplicas();
  void ReplayRequests();
  void CheckClaims();
  SimResult Result() const;
  void AddLoad(SimResult* result) const;

  ClusterShared shared_;
  ClusterPeers peers_;
  std::vector<std::unique_ptr<ClusterNode>> nodes_;
  std::unique_ptr<ClusterWorkload> workload_;
  std::unique_ptr<ClaimWorkload> claims_;
  std::unique_ptr<ClusterAdmin> admin_;
  std::unique_ptr<ClusterFaults> faults_;
  std::unique_ptr<FenceScript> script_;
  std::uint64_t rest_seconds_ = 0;
};

}  // namespace carillon
