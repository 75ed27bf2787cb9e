#pragma once

#include <memory>
#include <optional>

#include <grpcpp/channel.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/status.h"

namespace carillon {

// Messages received and not yet asked for; beyond it, gRPC's flow control stops the sender.
inline constexpr std::size_t kMaxMessagesAhead = 4;

// One attempt at a call with a stream of answers. Threads: one caller at a time.
class ByteStream {
 public:
  // Sends `request` to `method` ("/package.Service/Method", a literal).
  ByteStream(const std::shared_ptr<grpc::Channel>& channel, const char* method,
             const Rope& request);
  // Ends the call, if it has not ended, and waits until gRPC has let go of it.
  ~ByteStream();

  // The next message; nullopt: the call ended well. Otherwise the call's error, or
  // DEADLINE_EXCEEDED when nothing came for `patience`.
  StatusOr<std::optional<Rope>> Next(Duration patience);

 private:
  class Reactor;
  std::unique_ptr<Reactor> reactor_;
};

}  // namespace carillon
