#pragma once

#include <string>

#include "server/http/query_string.h"
#include "server/node/input.h"

namespace carillon {

// Which seconds of which bucket, and what of them: the parameters bucket, from, to, dc, cell, type,
// subtype, partial. Without from and to: the last kDefaultRangeSeconds and this second.
struct RangeParameters {
  std::string bucket;
  EpochRange range;
  ChunkFilter filter;
  bool allow_partial = false;
};
// INVALID_ARGUMENT names the parameter.
StatusOr<RangeParameters> ParseRange(const QueryString& query, std::uint64_t now_seconds);

// The parameter `bucket`, or the default one. INVALID_ARGUMENT: not a name.
StatusOr<std::string> BucketOf(const QueryString& query);

}  // namespace carillon
