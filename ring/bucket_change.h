#pragma once

#include <string>

#include "base/bucket.h"
#include "ring/cluster_state.h"

// Changes of buckets: from one version of the cluster state to the next. Pure.
namespace carillon {

// The version after `state`, with a new bucket.
// ALREADY_EXISTS; INVALID_ARGUMENT: the name or a property; RESOURCE_EXHAUSTED: too many buckets.
StatusOr<ClusterState> WithNewBucket(const ClusterState& state, const std::string& name,
                                     const BucketChange& properties);

// The version after `state`, with a bucket changed. Of another n_val or w: what was there before
// goes on to count until all homes have settled (settling.h). NOT_FOUND; INVALID_ARGUMENT: a
// property.
StatusOr<ClusterState> WithBucketChanged(const ClusterState& state, const std::string& name,
                                         const BucketChange& change);

}  // namespace carillon
