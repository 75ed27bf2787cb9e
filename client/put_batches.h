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

// Small chunks to one node travel together: batches of PutChunks, by frames. A chunk is sent at
// once when fewer than kMaxBatches are under way to its node, else with the batch that follows, so
// nothing waits when there is room, and batches grow as the load does. One attempt: a chunk that
// fails is its caller's to try again.
//
// Threads: any. `view` must outlive it; the destructor waits for what is under way.
class PutBatches {
 public:
  static constexpr std::size_t kMaxValueBytes = 16'384;  // of what goes this way
  static constexpr std::size_t kMaxBatches = 4;          // under way to a node
  static constexpr std::size_t kMaxBatchChunks = 256;
  static constexpr std::size_t kMaxBatchBytes = std::size_t{512} << 10;

  PutBatches(RingView* view, Duration attempt_timeout)
      : view_(view), attempt_timeout_(attempt_timeout) {}
  ~PutBatches();

  // Sends it to its primary once the ring is known. `put.done` is called once, on a thread of a
  // transport's or this one, and must not block. UNIMPLEMENTED: to that node no batches can be
  // sent; nothing was tried. Requires: a value of at most kMaxValueBytes.
  void Put(SmallPut put);

 private:
  struct Batch;
  class Lane;
  void Send(SmallPut put);
  void Enter();
  void Leave();

  RingView* const view_;
  const Duration attempt_timeout_;
  std::mutex mutex_;
  std::condition_variable none_left_;
  std::map<std::string, std::shared_ptr<Lane>> lanes_;  // by endpoint
  std::size_t under_way_ = 0;                           // batches, and puts that wait for the ring
};

}  // namespace carillon
