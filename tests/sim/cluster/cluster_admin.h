#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "ring/staging.h"
#include "tests/sim/cluster/cluster_node.h"

namespace carillon {

// Admins, one or more at once: they stage changes, plan, commit, pause, resume, abort, change the
// bucket, and let new nodes join. Each speaks to any node and takes no for an answer.
class ClusterAdmin {
 public:
  using Nodes = std::vector<std::unique_ptr<ClusterNode>>;
  // `add_node` makes one more node, not of the cluster yet; null: there are enough.
  ClusterAdmin(ClusterShared* shared, const Nodes* nodes, std::function<ClusterNode*()> add_node);

  void Start();
  void Stop() { stopped_ = true; }
  // A new node comes into being and asks to be let in until it is.
  void Join(ClusterNode* node);
  // `gone` has lost its disk and never comes back.
  void GiveUp(const NodeId& gone) { gone_ = gone; }

  // After the storm: takes a step towards a ring that does not move and has no lost member.
  void Settle();
  std::uint64_t changes() const { return changes_; }

 private:
  void ScheduleNext();
  void DoSomething();
  void Stage(const StagedChange& change);
  void StageSomething();
  void Shuffle();
  void PlanAndCommit();
  PlanFacts Facts() const;
  void Change(std::function<StatusOr<ClusterState>(const ClusterState&)> change);
  void ChangeBucket();
  void ChangeRule();
  ClusterNode* AnyServing();
  Uuid NewUuid();
  std::optional<StagedChange> LeaveOf(const ClusterState& state);

  ClusterShared* const shared_;
  const Nodes* const nodes_;
  const std::function<ClusterNode*()> add_node_;
  std::optional<NodeId> gone_;
  std::uint64_t changes_ = 0;
  bool stopped_ = false;
};

}  // namespace carillon
