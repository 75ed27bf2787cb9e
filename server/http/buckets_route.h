#pragma once

#include "server/http/router.h"

// GET /v1/buckets, GET and PUT /v1/buckets/NAME: buckets and their properties.
namespace carillon {

inline constexpr std::size_t kMaxBucketBodyBytes = 16 * 1024;

void HandleListBuckets(const RouteContext& context, HttpRequest request, Reply reply);
void HandleGetBucket(const RouteContext& context, HttpRequest request, Reply reply);
// Creates the bucket, or changes what the body names of it.
void HandlePutBucket(const RouteContext& context, HttpRequest request, Reply reply);

}  // namespace carillon
