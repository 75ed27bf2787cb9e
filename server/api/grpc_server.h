#pragma once

#include <memory>
#include <string>

#include "base/status.h"
#include "server/shell/peer_sink.h"
#include "server/shell/server_core.h"

namespace carillon {

struct GrpcServerOptions {
  std::string address = "127.0.0.1:7480";  // port 0: any
  std::size_t max_connections = 1024;
};

// The gRPC side of a node: EventsService, ClusterService, the service between nodes, health,
// reflection. Threads: gRPC's own.
class GrpcServer {
 public:
  // `core` and `peers` outlive the server; nullptr: other nodes are not answered.
  // Errors as Acceptor::Listen.
  static StatusOr<std::unique_ptr<GrpcServer>> Start(const GrpcServerOptions& options,
                                                     ServerCore* core, PeerSink* peers = nullptr);
  virtual ~GrpcServer() = default;  // Stop

  // "HOST:PORT" as bound.
  virtual const std::string& address() const = 0;

  // Accepts nothing more, lets calls under way end for `grace`, then cuts them off.
  virtual void Stop(Duration grace) = 0;
};

}  // namespace carillon
