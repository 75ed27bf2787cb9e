#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/bytes.h"
#include "base/chunk_info.h"
#include "base/status.h"

// The three messages of carillon/v1/events.proto that carry a chunk's bytes, encoded and decoded
// without copying those bytes: what gRPC receives in slices becomes a Rope, and the value is a
// Rope of parts of it.
//
// Encode writes what protobuf would write, byte for byte: fields in the order of their numbers,
// defaults left out. Decode accepts what protobuf accepts: any order, the last of a repeated
// scalar, nested messages merged, unknown fields passed over. It refuses groups, a field number of
// 0, a varint of more than 10 bytes, and what is larger than the limits below. It leaves it to the
// checks of names to refuse text that is not UTF-8.
//
// All pure; threads: any. Cost of a call: O(fields + pieces), besides the bytes of small fields.
namespace carillon::wire {

inline constexpr std::size_t kMaxMessageBytes = std::size_t{9} << 20;
inline constexpr std::size_t kMaxTextBytes = 4096;  // bucket, key, message, dc

struct PutChunkRequest {
  std::string bucket;
  std::string key;
  std::uint32_t value_crc = 0;
  std::uint64_t state_version = 0;  // route; 0: the sender knows no cluster state
  std::uint32_t partition = 0;
  Rope value;
};

struct GetChunksResponse {  // and, without its first three fields, GetChunkResponse
  std::string key;
  std::uint32_t code = 0;  // gRPC's; 0: value follows
  std::string message;
  std::uint32_t value_crc = 0;
  Rope value;
};

struct ReadRangeResponse {
  std::optional<ChunkInfo> chunk;  // nullopt: the end of a second
  std::uint32_t code = 0;          // of a chunk that is listed and cannot be read
  std::string message;
  std::uint64_t epoch = 0;  // with the end of a second
  std::string dc;
  bool complete = false;
  Rope value;
};

// The message: one piece with the small fields, then the pieces of `value`, shared. An error's
// `message` is cut to kMaxTextBytes.
Rope Encode(const PutChunkRequest& message);
Rope Encode(const GetChunksResponse& message);
Rope Encode(const ReadRangeResponse& message);

// The value shares the pieces of `message`, cut to size.
// INVALID_ARGUMENT: not such a message, above a limit, or (ReadRangeResponse) a malformed key of
// the chunk. A chunk without a key is no chunk.
StatusOr<PutChunkRequest> DecodePutChunkRequest(const Rope& message);
StatusOr<GetChunksResponse> DecodeGetChunksResponse(const Rope& message);
StatusOr<ReadRangeResponse> DecodeReadRangeResponse(const Rope& message);

}  // namespace carillon::wire
