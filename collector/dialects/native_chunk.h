#pragma once

#include <string_view>

#include "collector/dialects/dialect.h"

namespace carillon {

// Carillon's own, for those who pack chunks themselves: PUT /v1/chunks/KEY with the chunk's value,
// and its CRC32C in X-Carillon-Crc32c if that is to be checked. The key of the tenant is shown as
// for POST /v1/events. It has no events to decode: who finds this dialect keeps the chunk.
//
// Answers 201 and {"kept":true}.
const Dialect& NativeChunk();

inline constexpr std::string_view kChunkCrcHeader = "X-Carillon-Crc32c";

// The chunk's key as it stands in the path. Requires: a request of this dialect.
std::string_view ChunkKeyOf(const EdgeRequest& request);

}  // namespace carillon
