#pragma once

#include "carillon/v1/cluster.pb.h"
#include "ring/change_plan.h"
#include "ring/cluster_view.h"

// Between messages of carillon/v1 and the ring's plain data.
namespace carillon {

void ToProto(const ClusterState& state, v1::GetClusterStateResponse* message);
void ToProto(const ClusterView& view, v1::GetClusterViewResponse* message);
// Members of `plan` are those of `state`, which it was made from.
void ToProto(const ClusterState& state, const ChangePlan& plan, v1::PlanChangesResponse* message);

// NOT_FOUND names a member that is not there; INVALID_ARGUMENT: a kind that is not known.
StatusOr<StagedChange> FromProto(const ClusterState& state, const v1::StagedChange& change);

}  // namespace carillon
