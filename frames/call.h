#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "base/status.h"

// What a client asks a node by a frame (FrameKind::kCall): some methods of
// carillon.v1.EventsService, those that loggers and dashboards live by. A byte for the method, then
// the request's message as protobuf encodes it. The reply's body is the response's message; a
// refusal is the call's status.
//
// Pure; threads: any.
namespace carillon {

enum class CallMethod : std::uint8_t {
  kNone = 0,  // never sent
  kPutChunk = 1,
  kCommitSecond = 2,
  // Its response is a GetChunksResponse without key, so that what is said of the chunk (its code
  // and message) is told from how the call went.
  kGetChunk = 3,
  kPutChunks = 4,  // one batch
};

// Larger bodies than any message of a client, and than any answer to one.
inline constexpr std::size_t kMaxCallBytes = (std::size_t{9} << 20) + 64;

struct Call {
  CallMethod method = CallMethod::kNone;
  SharedBytes message;
};

// Shares the pieces of `message`.
Rope EncodeCall(CallMethod method, const Rope& message);
// Shares `body`. UNIMPLEMENTED: a method that this build does not know. INVALID_ARGUMENT: empty.
StatusOr<Call> DecodeCall(const SharedBytes& body);

}  // namespace carillon
