#pragma once

#include <grpcpp/support/byte_buffer.h>

#include "base/bytes.h"
#include "base/status.h"

// Chunk bytes between our memory and gRPC's, by reference.
namespace carillon {

// Pieces of at least this size are referred to, smaller ones are copied.
inline constexpr std::size_t kMinSharedPieceBytes = 1024;

// The buffer's slices keep the owners of `rope`'s pieces alive.
grpc::ByteBuffer ToByteBuffer(const Rope& rope);

// The rope's pieces keep the slices of `buffer` alive.
// INTERNAL: a buffer that cannot be read.
StatusOr<Rope> ToRope(const grpc::ByteBuffer& buffer);

}  // namespace carillon
