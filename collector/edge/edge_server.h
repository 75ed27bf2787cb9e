#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/status.h"
#include "collector/edge/edge_host.h"

namespace carillon {

struct EdgeServerOptions {
  std::string address = "127.0.0.1:7490";  // IP:PORT; port 0 picks one
  std::size_t threads = 0;                 // 1..256; 0: as many as there are cores
  int backlog = 8192;                      // the kernel's net.core.somaxconn may be less
};

// The HTTP side of the collector: threads that share nothing, each with a listening socket of its
// own on the same port (SO_REUSEPORT).
//
// Threads: Start and Stop one caller, the rest any.
class EdgeServer {
 public:
  // Binds, listens, serves. `host` outlives it.
  // INVALID_ARGUMENT: an option. UNAVAILABLE: the port is taken.
  static StatusOr<std::unique_ptr<EdgeServer>> Start(const EdgeServerOptions& options,
                                                     EdgeHost* host);
  ~EdgeServer();
  EdgeServer(const EdgeServer&) = delete;
  EdgeServer& operator=(const EdgeServer&) = delete;

  // What was bound: "127.0.0.1:43211".
  std::string address() const;

  // Takes no more connections, answers what is under way, closes each connection after its answer,
  // and those that are left after `grace`. Requests that are with the intake are waited for in any
  // case: whoever owns it sees to it that each is done.
  void Stop(Duration grace);

 private:
  class Runtime;
  explicit EdgeServer(std::unique_ptr<Runtime> runtime);

  const std::unique_ptr<Runtime> runtime_;
};

}  // namespace carillon
