#pragma once

#include "carillon/v1/cluster.pb.h"
#include "carillon/v1/events.pb.h"

#include "base/status.h"
#include "client/client.h"

// The client's own: our structs as messages, and back. A message that a node should not have sent
// is INTERNAL. Every request carries a route; its state_version stays 0, since this client knows
// no ring.
namespace carillon {

v1::CommitSecondRequest ToMessage(const Commit& commit);
v1::ListSecondsRequest ToMessage(const ListQuery& query);
v1::ReadRangeRequest ToMessage(const RangeQuery& query);
v1::BucketProperties ToMessage(const BucketChange& change);

StatusOr<SecondsPage> FromMessage(const v1::ListSecondsResponse& message);
NamedBucket FromMessage(const v1::Bucket& message);
PutReply FromMessage(const v1::PutChunkResponse& message);

}  // namespace carillon
