#pragma once

#include <cstddef>

#include "client/cluster_admin.h"

namespace carillon {

// One step of making `nodes` started nodes, of which all but one joined, a ring in which each owns
// its part: looks, and commits the joins once all have staged themselves. True: it is made.
// `committed`: the version of the last commit made here; begins as version 0. Call until it is
// true, a moment apart.
StatusOr<bool> AdvanceToOneRing(ClusterAdmin* admin, std::size_t nodes, StateVersion* committed);

}  // namespace carillon
