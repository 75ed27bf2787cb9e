#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <unordered_map>
#include <unordered_set>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "server/node/node.h"
#include "server/shell/peer_sink.h"
#include "server/shell/peer_transport.h"
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

// Makes a part of what is known of the ring durable. Runs on a store thread.
using SaveRingState =
    std::function<Status(const std::variant<AcceptorState, SharedState, Dispute>&)>;

// Runs the node: queues inputs, lets one thread at a time step it, and carries its effects out in
// their order. Whoever posts while nobody runs the node runs it, until the queue is empty; one
// thread more posts a tick when the node's deadline comes. Decides nothing.
//
// Threads: any, at once.
class NodeLoop final : public PeerSink {
 public:
  // All outlive the loop; `peers` may be null: then other nodes cannot be reached.
  NodeLoop(std::unique_ptr<Node> node, StoreThreads* store, const Clock* clock,
           SaveRingState save_ring, PeerTransport* peers);
  ~NodeLoop() override;  // Stop

  // Begins to gossip and to look after the ring. Call once, when the other nodes can reach this
  // one.
  void Start();

  // From other nodes.
  void HandlePeer(PeerSender sender, PeerMessage message,
                  std::function<void(PeerReply)> done) override;
  void HandleGossip(GossipMessage message, std::string address) override;

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

  SharedState state() const;
  NodeCounters counters() const;
  std::vector<Transfer> transfers() const;
  // Runs `look` on the node, which does not change meanwhile. It must be quick.
  void Look(const std::function<void(const Node&)>& look) const;
  std::vector<std::pair<std::string, Epoch>> WatermarksOf(const std::string& bucket) const;

  // Takes no new requests, and returns when those under way are answered or `grace` has passed.
  void Stop(Duration grace);

 private:
  static constexpr int kMaxReadsAtOnce = 4;

  struct Posted {
    Input input;
    std::function<void(Answer)> done;
    std::shared_ptr<StreamReceiver> receiver;
    std::function<void(PeerReply)> peer;
    RequestId request;
  };
  void Post(Posted posted);
  void PostCompletion(Input input) {
    Post({.input = std::move(input), .done = {}, .receiver = {}, .peer = {}, .request = {}});
  }
  void Run();
  void ArmTimer(std::optional<Instant> deadline);
  void TimerLoop();
  void StopTimer();
  void Forget(RequestId stream);
  bool IsCancelled(RequestId stream);
  void Perform(StoreChunk effect);
  void Perform(StoreCommit effect);
  void Perform(StoreClaims effect);
  void Perform(StatChunks effect);
  void Perform(ReadChunk effect);
  void Perform(ScanSeconds effect);
  void Perform(ListDigests effect);
  void Perform(ListEntries effect);
  void Perform(ListClaims effect);
  void Perform(ListHeld effect);
  void Perform(MeasureHeld effect);
  void Perform(DropPartition effect);
  void Perform(RenumberStore effect);
  void Perform(SaveRing effect);
  void Perform(AskPeer effect);
  void Perform(AnswerPeer effect);
  void Perform(SendGossip effect);
  void Perform(Alarm effect);
  void Perform(Answer effect);
  void Perform(StreamItem effect);
  void Perform(StreamEnd effect);

  StoreThreads* store_;
  const Clock* clock_;
  const SaveRingState save_ring_;
  PeerTransport* const peers_;
  std::atomic<std::uint64_t> next_request_{1};

  std::mutex queue_mutex_;
  std::condition_variable idle_;
  std::deque<Posted> queue_;
  bool running_ = false;  // somebody runs the node
  bool stopping_ = false;
  std::size_t open_requests_ = 0;
  std::unordered_set<std::uint64_t> cancelled_;  // streams whose CancelInput is in the queue

  mutable std::mutex node_mutex_;  // of node_, for the readers of state and counters
  std::unique_ptr<Node> node_;
  // Touched only by whoever runs the node.
  int reads_at_once_ = 0;  // of the inputs that were queued together
  std::unordered_map<std::uint64_t, std::function<void(Answer)>> askers_;
  std::unordered_map<std::uint64_t, std::shared_ptr<StreamReceiver>> receivers_;
  std::unordered_map<std::uint64_t, std::function<void(PeerReply)>> peer_askers_;

  std::mutex timer_mutex_;
  std::condition_variable timer_wake_;
  std::optional<Instant> tick_at_;
  bool timer_stop_ = false;
  std::thread timer_;
};

}  // namespace carillon
