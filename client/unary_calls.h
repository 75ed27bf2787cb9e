#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>

#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/status.h>

#include "base/status.h"
#include "client/channel_pool.h"
#include "client/client.h"

namespace carillon {

Status ToStatus(const grpc::Status& status);

// Unary calls, each tried again as ClientOptions says: on another endpoint when this one is away,
// after a backoff, until an answer stands or the call's time is over. No thread waits for a call:
// gRPC's threads and timers carry it on.
//
// Threads: any. `pool` must outlive the calls; the destructor waits for those under way.
class UnaryCalls {
 public:
  using Done = std::function<void(StatusOr<grpc::ByteBuffer>)>;

  UnaryCalls(ChannelPool* pool, const ClientOptions& options) : pool_(pool), options_(options) {}
  ~UnaryCalls();

  // Calls `method` ("/package.Service/Method", a literal); `done` is called once, on a thread of
  // gRPC's, and must not block.
  void Start(const char* method, grpc::ByteBuffer request, Done done);

 private:
  class Call;
  void Enter();
  void Leave();

  ChannelPool* const pool_;
  const ClientOptions options_;
  std::mutex mutex_;
  std::condition_variable none_left_;
  std::size_t under_way_ = 0;
};

}  // namespace carillon
