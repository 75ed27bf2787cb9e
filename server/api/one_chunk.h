#pragma once

#include <string_view>

#include <grpcpp/support/byte_buffer.h>

#include "server/api/unary_call.h"
#include "server/shell/metrics.h"
#include "server/shell/node_loop.h"

namespace carillon {

// The answer to GetChunk: a stream of the node's of one item, as the answer of a unary call.
// Threads: the node's, one call at a time.
class OneChunk final : public StreamReceiver {
 public:
  // `response` lives until the call is finished; `metrics` outlives this.
  OneChunk(const UnaryCall& call, grpc::ByteBuffer* response, Metrics* metrics)
      : call_(call), response_(response), metrics_(metrics) {}

  void OnItem(StreamItem item) override;
  void OnEnd(Status status) override;

 private:
  const UnaryCall call_;
  grpc::ByteBuffer* const response_;
  Metrics* const metrics_;
  Status status_ = Internal("the node answered without the chunk");
};

}  // namespace carillon
