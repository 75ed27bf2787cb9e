#pragma once

#include <string>
#include <string_view>

#include "base/bucket.h"
#include "base/bytes.h"
#include "base/status.h"

namespace carillon {

// {"name","n_val","w","ttl","sync","max_chunk_bytes","quota_bytes_per_second"};
// ttl as FormatTtl writes it.
std::string BucketJson(std::string_view name, const BucketProperties& properties);

// Reads any of those members but the name; an empty body changes nothing. ttl is "8d", "forever",
// or a number of seconds. INVALID_ARGUMENT names the member: unknown, twice, or of a wrong kind.
StatusOr<BucketChange> ParseBucketJson(ByteSpan body);

}  // namespace carillon
