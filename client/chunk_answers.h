#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "client/ring_view.h"
#include "proto/wire.h"

namespace carillon {

// What one node answers to a request for several chunks, in the order of the keys.
// Threads: one caller at a time.
class ChunkAnswers {
 public:
  // Begins to ask `endpoint`, at once for all keys: by frames, a call a key (memory: all the
  // values), or by gRPC, one stream, kMaxMessagesAhead ahead. The calls end in `timeout`.
  static std::unique_ptr<ChunkAnswers> Ask(RingView* view, const std::string& endpoint,
                                           const std::string& bucket,
                                           const std::vector<std::string>& keys, Duration timeout);
  // Whatever is under way is not waited for.
  virtual ~ChunkAnswers() = default;

  // The next answer, which names its key; nullopt: the node has said all. Otherwise why it does not
  // answer, DEADLINE_EXCEEDED when nothing came for `patience`; call no more then.
  virtual StatusOr<std::optional<wire::GetChunksResponse>> Next(Duration patience) = 0;
};

}  // namespace carillon
