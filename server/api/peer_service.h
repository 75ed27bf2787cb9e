#pragma once

#include <grpcpp/impl/service_type.h>
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/server_callback.h>

#include "server/shell/metrics.h"
#include "server/shell/peer_sink.h"

namespace carillon {

// The methods between nodes; requests and replies are docs/FORMATS.md, "Node to node". The second
// carries many small ones at once, and answers when the last of them is answered.
inline constexpr char kPeerMethod[] = "/carillon.v1.PeerService/Ask";
inline constexpr char kPeerManyMethod[] = "/carillon.v1.PeerService/AskMany";

// What other nodes ask: decodes, gives it to the sink, encodes what the sink says. Values go from
// the wire's slices to the sink, and back, without a copy. No protobuf: there is no .proto.
//
// The call is OK whenever the sink has replied; the reply has its own status. Otherwise: what is
// wrong with the bytes, or UNAVAILABLE if the sink dropped the request. Threads: gRPC's.
class PeerService final : public grpc::Service {
 public:
  // Both outlive the service.
  PeerService(PeerSink* sink, Metrics* metrics);

 private:
  grpc::ServerUnaryReactor* Ask(grpc::CallbackServerContext* context,
                                const grpc::ByteBuffer* request, grpc::ByteBuffer* response);
  grpc::ServerUnaryReactor* AskMany(grpc::CallbackServerContext* context,
                                    const grpc::ByteBuffer* request, grpc::ByteBuffer* response);

  PeerSink* const sink_;
  Metrics* const metrics_;
};

}  // namespace carillon
