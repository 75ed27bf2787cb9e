#pragma once

#include "carillon/v1/cluster.pb.h"
#include "client/cluster_admin.h"

// The client's own: messages about the ring as our structs. INTERNAL: a message that a node should
// not have sent; what comes out can be indexed without further checks.
namespace carillon {

StatusOr<ClusterView> FromMessage(const v1::GetClusterViewResponse& message);
StatusOr<PlannedChange> FromMessage(const v1::PlanChangesResponse& message);
v1::StagedChange ToMessage(const RingChange& change);

}  // namespace carillon
