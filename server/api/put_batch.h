#pragma once

#include <functional>

#include "carillon/v1/events.pb.h"
#include "server/shell/metrics.h"
#include "server/shell/node_loop.h"

namespace carillon {

inline constexpr int kMaxBatchChunks = 1024;

// Stores the chunks of one batch of PutChunks, each on its own, and calls `done` once, from any
// thread, with an answer for each, in their order. Of no chunk, or more than kMaxBatchChunks, the
// answer is one refusal. Counts bytes and the batch, as one request of `api` (a literal).
//
// `node` and `metrics` outlive the batch.
void PutBatch(NodeLoop* node, Metrics* metrics, const char* api, v1::PutChunksRequest request,
              std::function<void(v1::PutChunksResponse)> done);

}  // namespace carillon
