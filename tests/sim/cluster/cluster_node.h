#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "server/node/node.h"
#include "tests/sim/cluster/cluster_machine.h"
#include "tests/sim/cluster/cluster_shared.h"

namespace carillon {

class ClusterPeers;

// One simulated node: the Node, the Store on its machine, and what carries the effects of the one
// to the other, late and in the order the shell keeps. It crashes, pauses, and starts again.
class ClusterNode {
 public:
  using AnswerDone = std::function<void(Answer)>;
  struct Stream {
    std::function<void(StreamItem)> on_item;
    std::function<void(Status)> on_end;
  };

  ClusterNode(std::size_t number, ClusterShared* shared, ClusterPeers* peers);
  ClusterNode(const ClusterNode&) = delete;
  ClusterNode& operator=(const ClusterNode&) = delete;

  // On what its machine has saved. Requires: it is down, and knows a cluster.
  void Start();
  // Whatever was under way is gone; a save may have reached the disk, or not.
  void Crash();
  // Nothing reaches it until then, and it does not know.
  void PauseUntil(std::uint64_t time) { paused_until_ = time; }

  // From clients. The answer is called back at once with UNAVAILABLE if it is down or crashes.
  void Ask(RequestId request, Input input, AnswerDone done);
  void Open(RequestId request, Input input, Stream stream);
  RequestId NewRequest() { return RequestId(++last_request_); }
  // From other nodes; the answer goes to `peers` with `ask` (0: to nobody).
  void HandlePeer(std::uint64_t ask, const PeerSender& sender, PeerMessage message);
  void Step(Input input);

  // Of its disk: what is written next takes so much longer.
  void SlowDownNextWrite(std::uint64_t time) { slow_write_ = time; }

  // Runs `act` after a time, unless the process ended meanwhile; later if it stands still then.
  void After(std::uint64_t delay, EventQueue::Act act);

  // It never starts again: its disk is gone.
  void Lose() {
    Crash();
    is_lost_ = true;
  }

  bool is_lost() const { return is_lost_; }
  bool is_up() const { return node_ != nullptr; }
  bool is_paused() const { return paused_until_ > shared_->events.now(); }
  bool is_serving() const { return is_up() && !is_paused(); }
  bool has_cluster() const { return static_cast<bool>(machine_->saved.state); }
  std::size_t number() const { return number_; }
  std::uint64_t incarnation() const { return incarnation_; }
  Member AsMember() const;
  const NodeId& id() const { return id_; }
  const Node& node() const { return *node_; }
  ClusterMachine* machine() { return machine_.get(); }
  const ClusterMachine& machine() const { return *machine_; }
  void Adopt(SharedState state) { machine_->saved.state = std::move(state); }

 private:
  struct Work {  // of the thread that writes
    OperationId operation;
    std::optional<WriteRequest> write;
    DropPartition drop;        // if it is no write
    std::uint32_t place = 0;   // of claims: the first of all that the operation stores
    bool ends_claims = false;  // the last set of its operation
  };

  void Run(std::uint64_t incarnation, EventQueue::Act act);
  void ArmTick();
  void Do(StoreChunk effect);
  void Do(StoreCommit effect);
  void Do(StoreClaims effect);
  template <typename Read>
  requires requires(const ClusterMachine& machine, const Read& read) { machine.Read(read); }
  void Do(Read effect);
  void Do(DropPartition effect);
  void Do(RenumberStore effect);
  void Do(SaveRing effect);
  void Do(AskPeer effect);
  void Do(AnswerPeer effect);
  void Do(SendGossip effect);
  void Do(Alarm effect);
  void Do(Answer effect);
  void Do(StreamItem effect);
  void Do(StreamEnd effect);
  void Queue(Work work);
  void StartBatch();
  void CarryOutBatch();
  void HandleOutcome(const Work& work, bool is_claims, WriteOutcome outcome,
                     std::vector<Input>* completions);
  void EndBatch(std::vector<Input> completions);
  void Maintain();
  bool MayStopWithin() const;
  std::uint64_t DiskDelay();
  void EndSave();

  const std::size_t number_;
  const NodeId id_;
  ClusterShared* const shared_;
  ClusterPeers* const peers_;
  std::unique_ptr<ClusterMachine> machine_;
  std::unique_ptr<Node> node_;
  std::uint64_t incarnation_ = 0;
  std::uint64_t paused_until_ = 0;
  std::uint64_t last_request_ = 0;
  std::uint64_t tick_at_ = 0;  // 0: none is due
  std::uint64_t spins_ = 0;    // ticks in a row that came due at once
  StateVersion seen_version_;
  bool writing_ = false;
  std::uint64_t slow_write_ = 0;  // by how much the next write is slower
  bool is_lost_ = false;
  std::deque<Work> work_;
  ClaimsDone claims_done_;  // of the operation whose sets are being stored
  std::optional<SaveRing> saving_;
  std::map<RequestId, AnswerDone> askers_;
  std::map<RequestId, Stream> streams_;
  std::map<RequestId, std::uint64_t> peer_asks_;
};

}  // namespace carillon
