#pragma once

#include <functional>
#include <memory>
#include <optional>

#include <grpcpp/support/byte_buffer.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/status.h"
#include "client/byte_stream.h"
#include "client/channel_pool.h"
#include "client/client.h"

namespace carillon {

// A call with a stream of answers that, when it breaks, is made again for what is still missing.
// The attempts of ClientOptions::retry, and ClientOptions::timeout, count from the last message
// that came: a long stream may break often, a stalled one ends.
//
// Threads: one caller at a time; Next sleeps between attempts. `pool` must outlive the stream.
class RetryingStream {
 public:
  // `request` gives what to ask for, at the start and after each break.
  RetryingStream(ChannelPool* pool, const ClientOptions& options, const char* method,
                 std::function<grpc::ByteBuffer()> request);

  // The next message, of this attempt or the next; nullopt: the call ended well. After an error:
  // the same error again.
  StatusOr<std::optional<Rope>> Next();

 private:
  // OK: try again.
  Status HandleBreak(const Status& status);
  void NoteProgress();

  ChannelPool* const pool_;
  const ClientOptions options_;
  const char* const method_;
  const std::function<grpc::ByteBuffer()> request_;
  ChannelPool::Pick pick_;
  std::unique_ptr<ByteStream> stream_;  // null: to be started
  std::optional<Backoff> backoff_;
  Instant last_progress_;
  Status failure_;
};

}  // namespace carillon
