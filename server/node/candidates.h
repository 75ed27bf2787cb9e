#pragma once

#include <string>
#include <vector>

#include "server/node/outbox.h"

namespace carillon {

// At most so many members are asked for one thing that its homes do not have.
inline constexpr std::size_t kMaxCandidates = 12;
// Beside one that has not answered so long after it was asked, the next is asked too: a hedge.
inline constexpr Duration kHedgeAfter = std::chrono::milliseconds(150);

// Whom to ask for what a partition holds, best first: this node if it is a home that serves reads,
// then its homes, then who may stand in for them; among each, those that are up first.
// Requires: the bucket exists.
std::vector<MemberIndex> CandidatesOf(const Scene& scene, PartitionId partition,
                                      const std::string& bucket);

}  // namespace carillon
