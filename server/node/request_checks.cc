#include "server/node/request_checks.h"

#include <algorithm>

namespace carillon {

StatusOr<const BucketProperties*> FindBucket(const ClusterState& state, const std::string& bucket) {
  RETURN_IF_ERROR(CheckName("bucket", bucket));
  const BucketProperties* found = state.FindBucket(bucket);
  if (found == nullptr) return NotFound("no bucket '{}'", bucket);
  return found;
}

Status CheckEpoch(Epoch epoch, const BucketProperties& bucket, std::uint64_t now_seconds,
                  std::uint64_t max_future_seconds) {
  if (epoch.value() > now_seconds + max_future_seconds) {
    return OutOfRange("epoch {} is {} s in the future, at most {} s are allowed", epoch,
                      epoch.value() - now_seconds, max_future_seconds);
  }
  if (bucket.ttl_seconds != 0 && epoch.value() + bucket.ttl_seconds < now_seconds) {
    return OutOfRange("epoch {} is {} s old, the bucket keeps {}", epoch,
                      now_seconds - epoch.value(), FormatTtl(bucket.ttl_seconds));
  }
  return OkStatus();
}

StorePlace PlaceOf(const ClusterState& state, const std::string& bucket, std::string_view key) {
  const KeyHash hash = HashKey(bucket, key);
  return {.partition = PartitionOf(hash, state.partition_bits),
          .ring_position = RingPosition(hash)};
}

Status CheckRoute(const ClusterState& state, const Route& route, PartitionId partition) {
  if (route.version.value() == 0) return OkStatus();
  if (route.version > state.version) {
    return Unavailable("sent under cluster state {}, this node is at {}", route.version,
                       state.version);
  }
  if (route.partition == partition) return OkStatus();
  return FailedPrecondition("stale route: partition {} under cluster state {}, it is {} under {}",
                            route.partition, route.version, partition, state.version);
}

StatusOr<EpochRange> ReadableRange(EpochRange range, const BucketProperties& bucket,
                                   std::uint64_t now_seconds) {
  if (range.limit < range.first) {
    return InvalidArgument("range from {} to {} ends before it begins", range.first, range.limit);
  }
  if (bucket.ttl_seconds != 0 && now_seconds > bucket.ttl_seconds) {
    range.first = std::max(range.first, Epoch(now_seconds - bucket.ttl_seconds));
    range.limit = std::max(range.first, range.limit);
  }
  return range;
}

Status Validate(const ChunkFilter& filter) {
  if (!filter.dc.empty()) RETURN_IF_ERROR(CheckName("dc", filter.dc));
  if (!filter.cell.empty()) RETURN_IF_ERROR(CheckName("cell", filter.cell));
  if (!filter.type.empty()) RETURN_IF_ERROR(CheckName("type", filter.type));
  return filter.subtype ? CheckSubtype(*filter.subtype) : OkStatus();
}

}  // namespace carillon
