#pragma once

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "server/node/input.h"
#include "server/node/outbox.h"

namespace carillon {

// Gives away what this node holds and is no home of: what it took as a fallback, and partitions
// that have moved away. Looks now and then which partitions that are; offers each to its homes,
// which pull it; drops it when of each set that writes need w homes (all, if fewer) hold
// everything, for each bucket among its own homes, provided that nothing was added since.
//
//   idle --time--> which are held? --> a partition: its digests --> offers --> enough have it? drop
//    ^                                       ^----------------------next one----------------+
//    +----------------none left--------------------------------------------------------------+
//
// Lives as long as the node. Pure. One owner at a time.
class Handoff {
 public:
  static constexpr Duration kRoundPause = std::chrono::seconds(2);  // while there is something
  static constexpr Duration kIdlePause = std::chrono::seconds(10);

  // Call once. Later calls change nothing.
  void Start(Outbox* out);
  void HandleTime(Outbox* out);
  // The ring has changed: looks soon.
  void HandleNewState(Outbox* out);
  // Partitions have other numbers: begins anew. What is under way comes to nothing; its completions
  // must not be handed in any more.
  void HandleNewNumbers(Outbox* out);
  void Handle(HeldDone done, Outbox* out);
  void Handle(DigestsDone done, Outbox* out);
  void Handle(PeerReplied replied, Outbox* out);
  void Handle(const DropDone& done, Outbox* out);

  bool done() const { return false; }
  // Has looked since the ring changed, and there was nothing foreign.
  bool is_empty() const { return has_looked_ && holds_.empty(); }
  // Foreign partitions at the last look, those that were dropped since taken out.
  const std::set<PartitionId>& holds() const { return holds_; }
  std::uint64_t dropped() const { return dropped_; }

 private:
  enum class State : std::uint8_t { kNew, kIdle, kLooking, kSumming, kOffering, kDropping };

  bool IsForeign(PartitionId partition, const Scene& scene) const;
  void TellForeign(Outbox* out) const;
  void Next(Outbox* out);
  void Offer(Outbox* out);
  void Judge(Outbox* out);
  void Rest(Duration pause, Outbox* out);

  State state_ = State::kNew;
  Instant look_at_;
  StateVersion looked_under_;
  std::set<PartitionId> holds_;
  std::deque<PartitionId> left_;  // of this round; the first is under way
  DigestLine total_;              // of the first
  std::map<OperationId, NodeId> offers_;
  std::set<NodeId> have_;    // hold all of total_
  bool has_looked_ = false;  // since the ring changed
  std::uint64_t dropped_ = 0;
};

}  // namespace carillon
