#pragma once

#include <map>
#include <set>

#include "server/node/input.h"
#include "server/node/outbox.h"

namespace carillon {

// Puts into `facts` what members say they hold and have room for. Of a partition the greatest that
// one of its homes says counts, since another may lack something yet; when none of them said
// anything it is not known. Nobody said anything: `facts` stays as it is. Pure.
void AddSizes(const ClusterState& state, const std::map<NodeId, SizesReply>& sizes,
              PlanFacts* facts);

// Before a plan: asks every member that is alive how much it holds.
//
//   Start --> asking --all have answered, or the time is up--> done
//
// Who does not answer, or does not know the question, leaves something unknown, and the plan says
// so. Pure. One owner at a time. Memory: a line a partition and member.
class PlanSizes {
 public:
  static constexpr Duration kGatherFor = std::chrono::seconds(8);

  explicit PlanSizes(PlanInput input) : input_(std::move(input)) {}

  void Start(Outbox* out);
  void Handle(PeerReplied replied, Outbox* out);
  void Handle(MeasuredDone done, Outbox* out);
  void HandleTime(Outbox* out);

  bool done() const { return done_; }
  // When done: with the facts that were heard.
  const PlanInput& input() const { return input_; }

 private:
  void Conclude(Outbox* out, bool time_is_up);

  PlanInput input_;
  std::map<OperationId, NodeId> asked_;
  std::map<NodeId, SizesReply> sizes_;
  std::uint32_t partition_bits_ = 0;
  Instant give_up_at_{};
  bool done_ = false;
};

}  // namespace carillon
