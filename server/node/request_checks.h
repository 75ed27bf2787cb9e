#pragma once

#include <cstdint>
#include <string>

#include "ring/cluster_state.h"
#include "ring/hash_ring.h"
#include "server/node/effects.h"
#include "server/node/input.h"

// What a request must be before anything is done about it. Pure.
namespace carillon {

// NOT_FOUND: no such bucket. The pointer lives as long as the state.
StatusOr<const BucketProperties*> FindBucket(const ClusterState& state, const std::string& bucket);

// Whether an epoch may be written now: within [now - ttl, now + max_future].
// OUT_OF_RANGE says by how much.
Status CheckEpoch(Epoch epoch, const BucketProperties& bucket, std::uint64_t now_seconds,
                  std::uint64_t max_future_seconds);

// Where a key lives under this state.
StorePlace PlaceOf(const ClusterState& state, const std::string& bucket, std::string_view key);

// Whether a request's route agrees with this state. FAILED_PRECONDITION: the sender's state is
// stale, or it hashed to another partition. UNAVAILABLE: ours is behind the sender's.
Status CheckRoute(const ClusterState& state, const Route& route, PartitionId partition);

// A range as a read may see it: what has expired is cut off. INVALID_ARGUMENT: limit before first.
StatusOr<EpochRange> ReadableRange(EpochRange range, const BucketProperties& bucket,
                                   std::uint64_t now_seconds);

// INVALID_ARGUMENT: a field of the filter that is no name.
Status Validate(const ChunkFilter& filter);

}  // namespace carillon
