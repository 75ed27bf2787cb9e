#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "server/http/router.h"

// GET and PUT /v1/chunks/KEY?bucket: one chunk's value, as it is stored; a GET that accepts
// application/x-ndjson has its events.
namespace carillon {

// Some room beyond the largest chunk, so that the node says what is too large.
inline constexpr std::size_t kMaxChunkBodyBytes = kMaxChunkBytesLimit + 64 * 1024;

// `request` as a put, without its id; a CRC that the client gave is kept for the node to compare.
// INVALID_ARGUMENT names the parameter. Cost: a CRC of the body.
StatusOr<PutChunkInput> ParsePutChunk(HttpRequest request);

// Whether an Accept header asks for events rather than for the stored bytes.
bool WantsEvents(std::string_view accept);

void HandleGetChunk(const RouteContext& context, HttpRequest request, Reply reply);
void HandlePutChunk(const RouteContext& context, HttpRequest request, Reply reply);

}  // namespace carillon
