#pragma once

#include "carillon/v1/cluster.pb.h"
#include "ring/tenant_section.h"

// The client's own: messages about tenants as our structs. INTERNAL: a message that a node should
// not have sent.
namespace carillon {

StatusOr<RingTenants> FromMessage(const v1::ListTenantsResponse& message);
v1::WriteKey ToMessage(const WriteKeyHash& hash, const WriteKeyRecord& key);

}  // namespace carillon
