#pragma once

#include <functional>

#include "base/bytes.h"
#include "base/status.h"

namespace carillon {

// Who answers what clients ask by frames (frames/call.h). Threads: any. Nothing here blocks.
class CallSink {
 public:
  virtual ~CallSink() = default;

  // `call` as DecodeCall takes it. `done` is to be called once, by any thread, also before this
  // returns, with the response's message or the call's status. If it is dropped without a call, the
  // client is told UNAVAILABLE. Counts the call.
  virtual void HandleCall(SharedBytes call, std::function<void(StatusOr<Rope>)> done) = 0;
};

}  // namespace carillon
