#pragma once

#include <string_view>

#include "ring/register_mutations.h"
#include "tests/sim/scenario/scenario.h"

namespace carillon {

// Nodes that agree on the cluster state while messages get lost, nodes stop, and voters change.
Scenario RegisterScenario();

// By name; the empty name is none. Requires: a name of RegisterScenario().mutations, or empty.
RegisterMutations RegisterMutationsOf(std::string_view name);

}  // namespace carillon
