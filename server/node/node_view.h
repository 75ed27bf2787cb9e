#pragma once

#include "ring/change_plan.h"
#include "ring/cluster_view.h"
#include "server/node/node.h"

namespace carillon {

// What `node` sees of its cluster at `now`, with the newest `history` records. Cost: O(members).
ClusterView ViewOf(const Node& node, Instant now, std::size_t history);

// What `node` knows that a plan must: who lives, and how fast one member pulls. How many bytes a
// partition has is not known.
PlanFacts PlanFactsOf(const Node& node);

}  // namespace carillon
