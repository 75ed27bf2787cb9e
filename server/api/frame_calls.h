#pragma once

#include <memory>

#include "server/peer/call_sink.h"
#include "server/shell/metrics.h"
#include "server/shell/node_loop.h"

namespace carillon {

// What clients ask by frames: the same as their gRPC calls of EventsService, translated by the same
// code. Threads: any.
class FrameCalls final : public CallSink {
 public:
  // Both outlive it, and every call.
  FrameCalls(NodeLoop* node, Metrics* metrics) : node_(node), metrics_(metrics) {}

  void HandleCall(SharedBytes call, std::function<void(StatusOr<Rope>)> done) override;

 private:
  class Pending;
  using Done = std::function<void(StatusOr<Rope>)>;

  void PutChunk(SharedBytes message, Done done);
  void CommitSecond(const SharedBytes& message, Done done);
  void GetChunk(const SharedBytes& message, Done done);
  void PutChunks(const SharedBytes& message, Done done);

  NodeLoop* const node_;
  Metrics* const metrics_;
};

}  // namespace carillon
