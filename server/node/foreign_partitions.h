#pragma once

#include <functional>
#include <map>
#include <set>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"

namespace carillon {

// The partitions of which this node may hold lines that their homes lack: what it took for homes
// that were late or away, and what has moved away and is not dropped yet. What the store held when
// it was last looked at, and what was taken since.
//
// A node may also be a home of a partition and take lines of a bucket that has fewer homes: they
// are *lent*. They stay, the other homes get them by anti-entropy, and they count here for
// kLentFor after all of these were there.
//
// Whoever scans manifests here is shown these too: a line that a fallback took is missed by nobody
// who asks that fallback for anything. Not so from a start, or from a split of partitions, until
// the first look after it. Pure. One owner at a time.
class ForeignPartitions {
 public:
  static constexpr Duration kLentFor = std::chrono::minutes(10);  // ten rounds of anti-entropy

  // A line of a manifest is about to be stored here, or is stored: to be called at both moments,
  // or a look between them would forget it.
  void Take(PartitionId partition) { taken_.insert(partition); }

  // Around a look at the store: what was taken before it began, and is not found, has gone.
  void BeginLook();
  // `held`: what was found and is foreign. `is_home`: of the others, whether this node is one of
  // its homes; `is_whole`: whether all of its homes are there.
  using Test = std::function<bool(PartitionId)>;
  void EndLook(const std::set<PartitionId>& held, Instant now, const Test& is_home,
               const Test& is_whole);
  // Partitions have other numbers: nothing is known until the next look.
  void Forget() { *this = ForeignPartitions(); }

  // Those asked for and the foreign ones, ascending, each once. Requires: `asked` is ascending.
  std::vector<PartitionId> With(const std::vector<PartitionId>& asked) const;

 private:
  std::set<PartitionId> held_;           // at the last look
  std::map<PartitionId, Instant> lent_;  // and until when they count
  std::set<PartitionId> older_;          // taken before the look that is under way
  std::set<PartitionId> taken_;          // since
};

}  // namespace carillon
