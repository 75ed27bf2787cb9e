#pragma once

#include <memory>
#include <string>

#include "base/status.h"
#include "server/api/acceptor.h"
#include "server/shell/peer_sink.h"
#include "server/shell/server_core.h"

namespace carillon {

// The gRPC side of a node: EventsService, ClusterService, the service between nodes, health,
// reflection. Threads: gRPC's own.
class GrpcServer {
 public:
  // Takes connections from `acceptor`. `core` and `peers` outlive the server; nullptr: other nodes
  // are not answered.
  static StatusOr<std::unique_ptr<GrpcServer>> Start(std::unique_ptr<Acceptor> acceptor,
                                                     ServerCore* core, PeerSink* peers = nullptr);
  virtual ~GrpcServer() = default;  // Stop

  // "HOST:PORT" as bound.
  virtual const std::string& address() const = 0;

  // Accepts nothing more, lets calls under way end for `grace`, then cuts them off.
  virtual void Stop(Duration grace) = 0;
};

}  // namespace carillon
