#pragma once

#include <memory>
#include <string>

#include "base/status.h"
#include "server/api/acceptor.h"
#include "server/peer/peer_server.h"
#include "server/shell/server_core.h"

namespace carillon {

// The gRPC side of a node: EventsService, ClusterService, health, reflection. Threads: gRPC's own.
class GrpcServer {
 public:
  // Takes connections from `acceptor`, and gives those of other nodes to `peers`; nullptr: they are
  // closed. `core` and `peers` outlive the server.
  static StatusOr<std::unique_ptr<GrpcServer>> Start(std::unique_ptr<Acceptor> acceptor,
                                                     ServerCore* core, PeerServer* peers = nullptr);
  virtual ~GrpcServer() = default;  // Stop

  // "HOST:PORT" as bound.
  virtual const std::string& address() const = 0;

  // Accepts nothing more, lets calls under way end for `grace`, then cuts them off.
  virtual void Stop(Duration grace) = 0;
};

}  // namespace carillon
