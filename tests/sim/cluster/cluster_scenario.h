#pragma once

#include <string_view>
#include <vector>

#include "tests/sim/cluster/cluster_settings.h"
#include "tests/sim/scenario/scenario.h"

namespace carillon {

// Whole clusters: `cluster` does everything, the others some of it more often.
std::vector<Scenario> ClusterScenarios();

// By name; the empty name is none. Requires: a name of a scenario's mutations, or empty.
ClusterMutations ClusterMutationsOf(std::string_view name);

}  // namespace carillon
