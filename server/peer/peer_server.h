#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <unordered_set>
#include <vector>

#include "server/peer/call_sink.h"
#include "server/shell/metrics.h"
#include "server/shell/peer_sink.h"

namespace carillon {

// What other nodes ask, and clients that know the ring, on connections that begin with the preamble
// of frames (frames/frame.h; the other ends are PeerClient and client/node_calls.h): decodes, gives
// it to the sink, encodes what the sink says. Values go from the memory they were received in to
// the sink, and back, without a copy.
//
// A request gets a reply whenever the sink has replied; otherwise a refusal: what is wrong with the
// bytes, or UNAVAILABLE if the sink dropped it. A connection on which more than kMaxUnderWay
// requests wait for the sink is read no further than that: the rest is refused with
// RESOURCE_EXHAUSTED. Nor is it read while more than kMaxUnsentBytes of replies wait for the other
// end to take them: who asks faster than he reads waits in his own queue.
// Threads: `threads` of its own call the sinks; Take and Stop from any.
class PeerServer {
 public:
  static constexpr std::size_t kMaxUnderWay = 20'000;
  static constexpr std::size_t kMaxUnsentBytes = std::size_t{4} << 20;

  // The sinks live until Stop has returned; `metrics`, and the server itself, as long as a sink may
  // hold a request. `calls` may be null: clients are refused with UNIMPLEMENTED.
  static std::unique_ptr<PeerServer> Start(PeerSink* sink, CallSink* calls, Metrics* metrics,
                                           std::size_t threads = 1);
  virtual ~PeerServer() = default;  // Stop

  // Serves a connected socket; owns the descriptor.
  virtual void Take(int connection) = 0;

  // Closes every connection. The sink is not called any more when it returns.
  virtual void Stop() = 0;
};

}  // namespace carillon
