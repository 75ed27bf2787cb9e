#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <unordered_set>

#include "base/clock.h"
#include "server/node/node.h"
#include "server/shell/store_threads.h"

namespace carillon {

// Takes the items of a stream. Calls come one at a time, in order, from any thread, and must not
// block; OnEnd is the last.
class StreamReceiver {
 public:
  virtual ~StreamReceiver() = default;
  virtual void OnItem(StreamItem item) = 0;
  virtual void OnEnd(Status status) = 0;
};

// Runs the node: queues inputs, lets one thread at a time step it, and carries its effects out in
// their order. There is no thread of its own: whoever posts while nobody runs the node runs it,
// until the queue is empty. Decides nothing.
//
// Threads: any, at once.
class NodeLoop {
 public:
  // All outlive the loop. `save_state` makes a cluster state durable; it runs on a store thread.
  NodeLoop(Node node, StoreThreads* store, const Clock* clock,
           std::function<Status(const ClusterState&)> save_state);
  ~NodeLoop();  // Stop

  // Every request begins with an id of its own, to be set in its input.
  RequestId NewRequest() { return RequestId(next_request_.fetch_add(1)); }

  // A request with one answer. `done` is called exactly once, from any thread, must not block;
  // after Stop with UNAVAILABLE.
  void Ask(RequestId request, Input input, std::function<void(Answer)> done);

  // A request answered by a stream. The node sends nothing before AddCredit, and then as many items
  // as there is credit; OnEnd is called exactly once, unless the stream is cancelled.
  void Open(RequestId request, Input input, std::shared_ptr<StreamReceiver> receiver);
  void AddCredit(RequestId request, std::uint32_t items);
  // Of a stream: its receiver hears nothing more once this returns and a call under way has ended.
  void Cancel(RequestId request);

  ClusterState state() const;
  NodeCounters counters() const;
  std::vector<std::pair<std::string, Epoch>> WatermarksOf(const std::string& bucket) const;

  // Takes no new requests, and returns when those under way are answered or `grace` has passed.
  void Stop(Duration grace);

 private:
  struct Posted {
    Input input;
    std::function<void(Answer)> done;
    std::shared_ptr<StreamReceiver> receiver;
    RequestId request;
  };
  void Post(Posted posted);
  void PostCompletion(Input input) {
    Post({.input = std::move(input), .done = {}, .receiver = {}, .request = {}});
  }
  void Run();
  void Forget(RequestId stream);
  bool IsCancelled(RequestId stream);
  void Perform(StoreChunk effect);
  void Perform(StoreCommit effect);
  void Perform(StatChunks effect);
  void Perform(ReadChunk effect);
  void Perform(ScanSeconds effect);
  void Perform(SaveState effect);
  void Perform(Answer effect);
  void Perform(StreamItem effect);
  void Perform(StreamEnd effect);

  StoreThreads* store_;
  const Clock* clock_;
  const std::function<Status(const ClusterState&)> save_state_;
  std::atomic<std::uint64_t> next_request_{1};

  std::mutex queue_mutex_;
  std::condition_variable idle_;
  std::deque<Posted> queue_;
  bool running_ = false;  // somebody runs the node
  bool stopping_ = false;
  std::size_t open_requests_ = 0;
  std::unordered_set<std::uint64_t> cancelled_;  // streams whose CancelInput is in the queue

  mutable std::mutex node_mutex_;  // of node_, for the readers of state and counters
  Node node_;
  // Touched only by whoever runs the node.
  std::unordered_map<std::uint64_t, std::function<void(Answer)>> askers_;
  std::unordered_map<std::uint64_t, std::shared_ptr<StreamReceiver>> receivers_;
};

}  // namespace carillon
