#pragma once

#include <string>

#include "ring/cluster_view.h"
#include "server/http/router.h"

// GET /v1/cluster: what this node sees of the cluster.
namespace carillon {

// One object; members are named, not numbered.
std::string ClusterJson(const ClusterView& view);

void HandleCluster(const RouteContext& context, HttpRequest request, Reply reply);

}  // namespace carillon
