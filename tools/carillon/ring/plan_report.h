#pragma once

#include <string>
#include <vector>

#include "client/cluster_admin.h"

// What `ring plan` says: every move, what each member gains and loses, the cost, the risks. Pure.
namespace carillon {

// "0-3 7 9-10". Requires: ascending.
std::string FormatPartitions(const std::vector<PartitionId>& partitions);

std::string PlanText(const PlannedChange& planned);
std::string PlanJson(const PlannedChange& planned);

}  // namespace carillon
