#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tests/sim/cluster/cluster_node.h"

namespace carillon {

// Owners that claim ids, several the same ones, at once or later, each through any node, and again
// through another until all is decided. What they are told is checked at once:
//   I6 one owner of an id is told "mine", ever; who was told so is never told "taken".
// And in the end, when all is at rest and everybody has asked again:
//   I6 where somebody was told "taken", somebody was told "mine", unless a claim was undecided.
class ClaimWorkload {
 public:
  using Nodes = std::vector<std::unique_ptr<ClusterNode>>;
  ClaimWorkload(ClusterShared* shared, const Nodes* nodes) : shared_(shared), nodes_(nodes) {}

  void Start();
  void Stop() { stopped_ = true; }
  // Every owner that there was asks again for all that it claimed.
  void AskAllAgain();
  bool is_idle() const { return under_way_ == 0; }
  // Once all have asked again and been answered.
  void CheckAll();

  struct Counts {
    std::uint64_t mine = 0;
    std::uint64_t taken = 0;
    std::uint64_t undecided = 0;
    std::uint64_t contested = 0;  // ids of which nobody was ever told "mine"
  };
  Counts counts() const;

 private:
  struct Batch {  // of one owner
    ClaimOrder order;
    std::uint64_t deadline = 0;
    std::uint64_t attempt = 0;
    std::uint64_t current = 0;  // the attempt that is waited for
  };
  struct Told {  // of one id
    std::optional<ClaimOwner> mine;
    bool taken = false;
    bool undecided = false;
  };
  using Op = std::shared_ptr<Batch>;

  void ScheduleNext();
  void ClaimSome();
  void AskAgain(const ClaimOrder& order);
  void Begin(Op op);
  void Try(const Op& op);
  void TryAgain(const Op& op);
  // Whether all were decided.
  bool Hear(const ClaimOrder& order, const std::vector<ClaimVerdict>& verdicts);
  ClusterNode* AnyNode();

  ClusterShared* const shared_;
  const Nodes* const nodes_;
  std::vector<ClaimOrder> orders_;
  std::map<ClaimId, Told> told_;
  Counts counts_;
  std::uint64_t last_id_ = 0;
  std::uint64_t under_way_ = 0;
  bool stopped_ = false;
};

}  // namespace carillon
