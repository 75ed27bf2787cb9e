#pragma once

#include <optional>

#include "carillon/v1/cluster.pb.h"
#include "carillon/v1/events.pb.h"

#include "base/status.h"
#include "client/client.h"
#include "ring/cluster_state.h"

// The client's own: our structs as messages, and back. A message that a node should not have sent
// is INTERNAL. Routes are filled in by whoever sends the message.
namespace carillon {

v1::CommitSecondRequest ToMessage(const Commit& commit);
v1::ClaimRequest ToMessage(const ClaimOrder& order);
v1::ListSecondsRequest ToMessage(const ListQuery& query);
v1::ReadRangeRequest ToMessage(const RangeQuery& query);
v1::BucketProperties ToMessage(const BucketChange& change);

StatusOr<SecondsPage> FromMessage(const v1::ListSecondsResponse& message);
// One verdict for each of `wanted` ids.
StatusOr<std::vector<ClaimVerdict>> FromMessage(const v1::ClaimResponse& message,
                                                std::size_t wanted);
NamedBucket FromMessage(const v1::Bucket& message);
PutReply FromMessage(const v1::PutChunkResponse& message);

// As much of the state as a client goes by: identity, version, members, placement, buckets.
// nullopt: the node knows no placement. INTERNAL: indexes or lists that cannot be.
StatusOr<std::optional<ClusterState>> FromMessage(const v1::GetClusterStateResponse& message);

}  // namespace carillon
