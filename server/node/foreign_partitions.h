#pragma once

#include <set>
#include <vector>

#include "base/ids.h"

namespace carillon {

// The partitions of which this node holds something and is no home: what it took for homes that
// were late or away, and what has moved away and is not dropped yet. What the store held when it
// was last looked at, and what was taken since.
//
// Whoever scans manifests here is shown these too: a line that a fallback took is missed by nobody
// who asks that fallback for anything. Pure. One owner at a time.
class ForeignPartitions {
 public:
  // A manifest's line is about to be stored here.
  void Take(PartitionId partition) { taken_.insert(partition); }

  // Around a look at the store: what was taken before it began, and is not found, has gone.
  void BeginLook();
  void EndLook(const std::set<PartitionId>& held);
  // Partitions have other numbers: nothing is known until the next look.
  void Forget() { *this = ForeignPartitions(); }

  // Those asked for and the foreign ones, ascending, each once. Requires: `asked` is ascending.
  std::vector<PartitionId> With(const std::vector<PartitionId>& asked) const;

 private:
  std::set<PartitionId> held_;   // at the last look
  std::set<PartitionId> older_;  // taken before the look that is under way
  std::set<PartitionId> taken_;  // since
};

}  // namespace carillon
