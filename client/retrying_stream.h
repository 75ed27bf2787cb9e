#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/status.h"
#include "client/byte_stream.h"
#include "client/client.h"
#include "client/ring_view.h"
#include "client/stream_retry.h"

namespace carillon {

// A call with a stream of answers, made to any node, that when it breaks is made again for what is
// still missing, as StreamRetry says.
//
// Threads: one caller at a time; Next sleeps between attempts. `view` must outlive the stream.
class RetryingStream {
 public:
  // `request` gives what to ask for, at the start and after each break.
  RetryingStream(RingView* view, const ClientOptions& options, const char* method,
                 std::function<Rope()> request);

  // The next message, of this attempt or the next; nullopt: the call ended well. After an error:
  // the same error again.
  StatusOr<std::optional<Rope>> Next();

 private:
  // OK: try again.
  Status HandleBreak(const Status& status);

  RingView* const view_;
  const Duration patience_;
  const char* const method_;
  const std::function<Rope()> request_;
  std::string endpoint_;
  std::unique_ptr<ByteStream> stream_;  // null: to be started
  bool answered_ = false;               // by this attempt
  StreamRetry retry_;
  Status failure_;
};

}  // namespace carillon
