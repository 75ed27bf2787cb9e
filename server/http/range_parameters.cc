#include "server/http/range_parameters.h"

#include <algorithm>

#include "ring/cluster_state.h"
#include "server/http/events_route.h"
#include "server/http/time_parameter.h"

namespace carillon {

StatusOr<std::string> BucketOf(const QueryString& query) {
  ASSIGN_OR_RETURN(std::string bucket, query.NonEmpty("bucket", kDefaultBucket));
  RETURN_IF_ERROR(CheckName("bucket", bucket));
  return bucket;
}

StatusOr<RangeParameters> ParseRange(const QueryString& query, std::uint64_t now_seconds) {
  RangeParameters out;
  ASSIGN_OR_RETURN(out.bucket, BucketOf(query));
  const std::uint64_t back = std::min(now_seconds, kDefaultRangeSeconds);
  out.range = {.first = Epoch(now_seconds - back), .limit = Epoch(now_seconds + 1)};
  if (const auto from = query.Find("from")) {
    ASSIGN_OR_RETURN(out.range.first, ParseTime("from", *from, now_seconds));
  }
  if (const auto to = query.Find("to")) {
    ASSIGN_OR_RETURN(out.range.limit, ParseTime("to", *to, now_seconds));
  }
  if (out.range.limit < out.range.first) {
    return InvalidArgument("to ({}) is before from ({})", out.range.limit, out.range.first);
  }
  ASSIGN_OR_RETURN(out.filter.dc, query.NonEmpty("dc", ""));
  ASSIGN_OR_RETURN(out.filter.cell, query.NonEmpty("cell", ""));
  ASSIGN_OR_RETURN(out.filter.type, query.NonEmpty("type", ""));
  out.filter.subtype = query.Find("subtype");  // empty is a subtype of its own
  ASSIGN_OR_RETURN(out.allow_partial, query.Flag("partial"));
  return out;
}

}  // namespace carillon
