#pragma once

#include <string>
#include <string_view>

#include "server/http/router.h"

// GET /v1/seconds?bucket&from&to&dc&cell&type&subtype&chunks: what was committed, a page of it.
// POST /v1/seconds/EPOCH-DC?bucket: commits chunks to a second.
namespace carillon {

inline constexpr std::size_t kMaxCommitBodyBytes = std::size_t{4} << 20;

struct ListSecondsRequest {
  ListSecondsInput input;  // without its id
  bool with_keys = false;
};
// INVALID_ARGUMENT names the parameter.
StatusOr<ListSecondsRequest> ParseListSeconds(std::string_view query, std::uint64_t now_seconds);

std::string SecondsJson(const SecondsAnswer& answer, bool with_keys);

// A commit out of the path's "EPOCH-DC", the query, and the body.
// INVALID_ARGUMENT names what is wrong.
StatusOr<Commit> ParseCommit(std::string_view second, std::string_view query, ByteSpan body);

void HandleListSeconds(const RouteContext& context, HttpRequest request, Reply reply);
void HandleCommit(const RouteContext& context, HttpRequest request, Reply reply);

}  // namespace carillon
