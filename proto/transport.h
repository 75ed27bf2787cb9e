#pragma once

#include <array>

#include <grpc/impl/codegen/grpc_types.h>

// How gRPC's connections are set at both ends, so that chunks of 100 to 500 KB cost little. Both
// the client and the node take these; gRPC's own defaults are made for messages of some hundred
// bytes.
namespace carillon {

struct TransportArgument {
  const char* name;
  int value;
};

inline constexpr std::array kTransportArguments = {
    // A chunk in one frame of HTTP/2, not in six of 16 KiB.
    TransportArgument{GRPC_ARG_HTTP2_MAX_FRAME_SIZE, 1 << 20},
    // What one end may send of a stream before the other has read it: some chunks. Times the
    // streams, it is memory of who reads.
    TransportArgument{GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, 1 << 20},
    TransportArgument{GRPC_ARG_HTTP2_WRITE_BUFFER_SIZE, 1 << 20},
};

}  // namespace carillon
