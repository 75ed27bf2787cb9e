#pragma once

#include <cstdint>
#include <string_view>

#include "base/chunk_info.h"
#include "base/status.h"
#include "collector/tenant/tenant.h"

namespace carillon {

// What a client that packs chunks itself has sent.
struct SentChunk {
  std::string_view key;    // "1428415043:1:cell0:WEB:app:chunk0"
  std::string_view crc;    // 8 hexadecimal digits, CRC32C of the value; empty: not said
  std::string_view value;  // NDJSON in one zstd frame
};

// Whether a chunk may be kept as it is: its key, its second, and what is in it, since no rule looks
// at its events. Pure. Cost: unpacks it and parses every event.
//
// INVALID_ARGUMENT: the key, no such value, an event that is none, no event, another CRC, a
// second that the tenant does not believe.
StatusOr<ChunkInfo> CheckSentChunk(const SentChunk& sent, const Tenant& tenant,
                                   std::int64_t received_us);

}  // namespace carillon
