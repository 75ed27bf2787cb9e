#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "collector/dialects/stream_dialect.h"
#include "collector/edge/edge_host.h"

namespace carillon {

struct StreamServerOptions {
  std::string address;                                   // IP:PORT; port 0 picks one
  std::string dialect;                                   // "forward": for metrics and logs
  std::string tenant;                                    // of those who show no key of a tenant
  std::function<std::unique_ptr<StreamSession>()> make;  // one for each connection; any thread
  int backlog = 8192;
};

// Events that a connection has under way before it is read on: what bounds its memory, together
// with its session.
inline constexpr std::size_t kMaxStreamBytesUnderWay = std::size_t{16} << 20;
inline constexpr std::size_t kMaxStreamBatchesUnderWay = 256;

// The TCP side of the collector: connections of one StreamSession each, on one thread.
// Acknowledgements are written in the order of their events, those that are ready together in one
// write. A client that stays silent is kept: shippers hold their connections for ever.
//
// Threads: Start and Stop one caller, the rest any.
class StreamServer {
 public:
  // Binds, listens, serves. `host` outlives it; has a reception.
  // INVALID_ARGUMENT: an option. UNAVAILABLE: the port is taken.
  static StatusOr<std::unique_ptr<StreamServer>> Start(StreamServerOptions options, EdgeHost* host);
  ~StreamServer();
  StreamServer(const StreamServer&) = delete;
  StreamServer& operator=(const StreamServer&) = delete;

  std::string address() const;

  // Takes no more connections and reads no more; closes each connection when what it has under
  // way is acknowledged, those that are left after `grace` in any case.
  void Stop(Duration grace);

 private:
  class Runtime;
  explicit StreamServer(std::unique_ptr<Runtime> runtime);

  const std::unique_ptr<Runtime> runtime_;
};

}  // namespace carillon
