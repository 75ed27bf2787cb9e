#pragma once

#include <string_view>

#include "server/http/router.h"

// GET /v1/events?bucket&from&to&dc&cell&type&subtype&limit: the events of a range as NDJSON.
namespace carillon {

inline constexpr std::uint64_t kDefaultRangeSeconds = 300;

// `query` as a request of the node, without its id. `to` is not in the range.
// INVALID_ARGUMENT names the parameter.
StatusOr<ReadRangeInput> ParseReadRange(std::string_view query, std::uint64_t now_seconds);

void HandleEvents(const RouteContext& context, HttpRequest request, Reply reply);

}  // namespace carillon
