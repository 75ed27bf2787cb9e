#include "ring/bucket_change.h"

#include "base/chunk_key.h"
#include "ring/settling.h"

namespace carillon {
namespace {

BucketProperties Apply(BucketProperties properties, const BucketChange& change) {
  if (change.n_val) properties.n_val = *change.n_val;
  if (change.w) properties.w = *change.w;
  if (change.ttl_seconds) properties.ttl_seconds = *change.ttl_seconds;
  if (change.sync) properties.sync = *change.sync;
  if (change.max_chunk_bytes) properties.max_chunk_bytes = *change.max_chunk_bytes;
  if (change.quota_bytes_per_second) {
    properties.quota_bytes_per_second = *change.quota_bytes_per_second;
  }
  return properties;
}

}  // namespace

StatusOr<ClusterState> WithNewBucket(const ClusterState& state, const std::string& name,
                                     const BucketChange& properties) {
  RETURN_IF_ERROR(CheckName("bucket", name));
  if (state.FindBucket(name) != nullptr) return AlreadyExists("bucket {} exists", name);
  if (state.buckets.size() >= kMaxBuckets) {
    return ResourceExhausted("there are {} buckets, the most there can be", kMaxBuckets);
  }
  const BucketProperties wanted = Apply({}, properties);
  RETURN_IF_ERROR(Validate(wanted));
  ClusterState next = NextVersionOf(state, fmt::format("bucket {} created", name));
  next.buckets[name] = wanted;
  return next;
}

StatusOr<ClusterState> WithBucketChanged(const ClusterState& state, const std::string& name,
                                         const BucketChange& change) {
  const BucketProperties* before = state.FindBucket(name);
  if (before == nullptr) return NotFound("no bucket '{}'", name);
  const BucketProperties wanted = Apply(*before, change);
  RETURN_IF_ERROR(Validate(wanted));
  ClusterState next = NextVersionOf(state, fmt::format("bucket {} changed", name));
  next.buckets[name] = wanted;
  if (RuleOf(*before) != RuleOf(wanted)) BeginToSettle(name, RuleOf(*before), &next);
  return next;
}

}  // namespace carillon
