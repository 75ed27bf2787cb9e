#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "base/bytes.h"
#include "base/status.h"
#include "client/client.h"
#include "client/ring_view.h"

namespace carillon {

// A small chunk on its way: what ChunkToPut says, and whom to tell.
struct SmallPut {
  std::string bucket;
  std::string key;
  std::uint32_t crc = 0;
  SharedBytes value;
  std::function<void(StatusOr<PutReply>)> done;
};

// Small chunks to one node travel together: PutChunks, a stream a node that stays open. A chunk is
// sent at once when fewer than kMaxBatches are under way to its node, else with the batch that
// follows, so nothing waits when there is room, and batches grow as the load does. One attempt: a
// chunk that fails is its caller's to try again.
//
// A stream ends when nothing is left to send, so that an idle client holds no node back from its
// end. It lives for an attempt's time at most, and takes batches for the first half of it: so each
// has at least the other half, and a node that hangs is given up without a timer of our own.
//
// Threads: any. `view` must outlive it; the destructor waits for the streams.
class PutStreams {
 public:
  static constexpr std::size_t kMaxValueBytes = 16'384;  // of what goes this way
  static constexpr std::size_t kMaxBatches = 4;          // under way to a node
  static constexpr std::size_t kMaxBatchChunks = 256;
  static constexpr std::size_t kMaxBatchBytes = std::size_t{512} << 10;

  PutStreams(RingView* view, Duration attempt_timeout)
      : view_(view), attempt_timeout_(attempt_timeout) {}
  ~PutStreams();

  // Sends it to its primary once the ring is known. `put.done` is called once, on a thread of
  // gRPC's, and must not block. Requires: a value of at most kMaxValueBytes.
  void Put(SmallPut put);

 private:
  class Stream;
  void Send(SmallPut put);
  void Leave();

  RingView* const view_;
  const Duration attempt_timeout_;
  std::mutex mutex_;
  std::condition_variable none_left_;
  std::map<std::string, std::shared_ptr<Stream>> streams_;  // by endpoint: that take batches
  std::size_t open_ = 0;  // streams that gRPC knows, and puts that wait for the ring
};

}  // namespace carillon
