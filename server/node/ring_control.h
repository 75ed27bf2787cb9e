#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/random.h"
#include "ring/ring_register.h"
#include "ring/swim.h"
#include "server/node/identity_guard.h"
#include "server/node/outbox.h"
#include "server/node/reachability.h"

namespace carillon {

// What was saved of the ring when this node stopped.
struct SavedRing {
  SharedState state;
  AcceptorState acceptor;
  std::vector<std::uint64_t> lives;  // ids of all starts of this data directory, the present too
  Dispute dispute;
};

// The node's part in agreeing on the ring and in knowing who lives: joins the register and the
// gossip to the node's effects. Decides only who carries the ring's changes on.
//
//   SendRegister -> AskPeer (or, to this node, straight back)     SendPacket -> SendGossip
//   SaveRegister -> SaveRing                                      StatusChanged -> Reachability
//
// A process that must not act as its node (identity_guard.h) is silent: it proposes, votes, and
// gossips no more, and only learns what the ring comes to.
//
// Pure. One owner at a time.
class RingControl {
 public:
  struct Outcome {  // of a proposal
    Status status;
    SharedState state;
  };
  using Done = std::function<void(const Outcome&, Outbox* out)>;  // called in a later step, or this

  // `random` outlives it.
  RingControl(const NodeId& self, const BootId& boot, SavedRing saved, const NodeTime& time,
              const RegisterOptions& register_options, const SwimOptions& swim_options,
              Random* random);

  const SharedState& committed() const { return register_.committed(); }
  const StateKeeper& keeper() const { return register_.keeper(); }
  const Swim& swim() const { return swim_; }
  const Reachability& reachability() const { return reachability_; }
  const IdentityGuard& guard() const { return guard_; }
  // This process must not act as its node.
  bool refused() const { return guard_.refused(); }
  // As whom of the others two were seen to run, and when last.
  const std::map<NodeId, Instant>& duplicates() const { return duplicates_; }
  // Whether another process than `sender` is known to be that node.
  bool IsCopy(const PeerSender& sender) const;
  // Whether a message brings a cluster state, or word that there is none newer.
  static bool TellsOfState(const PeerMessage& message);

  // The first thing of all.
  void Start(Outbox* out);
  // After `deadline` what nobody has accepted is dropped (RingRegister::Propose).
  void Propose(std::optional<StateVersion> expected, std::optional<Instant> deadline,
               StateMaker maker, Done done, Outbox* out);
  void Recover(ClusterState recovered, Done done, Outbox* out);

  // From another node; it is acknowledged, answers are messages of their own.
  void HandleMessage(const NodeId& from, RegisterMessage message, Outbox* out);
  void HandleGossip(const GossipMessage& message, Outbox* out);
  // Others believe in another life of this node; {0, 0}: not known which.
  void HearOfOther(const BootId& other, Outbox* out);
  void Handle(const SavedDone& done, Outbox* out);
  // A reply to a message to the register, or to a probe.
  void Handle(const PeerReplied& replied, Outbox* out);
  // How a request to `node` went: the path of data.
  void HandleRequestOutcome(const NodeId& node, bool ok, Duration latency, Outbox* out);
  void Tick(Outbox* out);
  std::optional<Instant> Deadline() const;

  // Once: whether the committed state is another one since the last call.
  bool TakeNewState() { return std::exchange(new_state_, false); }
  // Once: whether this process stood still since the last call.
  bool TakePaused() { return std::exchange(paused_, false); }
  // A state, or word that there is none newer, came from another node since the last call.
  bool TakeHeardState() { return std::exchange(heard_state_, false); }
  // `sender` has a newer state than this node: asks it for that.
  void AskForState(const PeerSender& sender, Outbox* out);
  // Asks every other voter for a newer state.
  void AskForNewerState(Outbox* out);

 private:
  struct Probe {
    NodeId node;
    std::uint32_t sequence = 0;  // of ProbeByRpc
    bool data_path = false;
    Instant began;
  };

  void Carry(RegisterEffects effects, Outbox* out);
  void Carry(SwimEffects effects, Outbox* out);
  void Do(SendRegister effect, Outbox* out);
  void Do(SaveRegister effect, Outbox* out);
  void Do(StateInForce effect, Outbox* out);
  void Do(ProposalAnswer effect, Outbox* out);
  void Do(RegisterAlarm effect, Outbox* out);
  void Do(SendPacket effect, Outbox* out);
  void Do(const StatusChanged& effect, Outbox* out);
  void Do(const DataPathChanged& effect, Outbox* out);
  void Do(const ProbeByRpc& effect, Outbox* out);
  void Do(const ProbeDataPath& effect, Outbox* out);
  void Do(const StateSeen& effect, Outbox* out);
  void Do(const WasPaused& effect, Outbox* out);
  void Do(const IdentityConflict& effect, Outbox* out);
  void AdoptMembers(const NodeTime& time);
  void AdoptRuling(Outbox* out);
  void AskForRuling(const NodeId& node, const BootId& life, Outbox* out);
  void SaveWhatIsDue(Outbox* out);
  void WaitForRuling(Outbox* out);

  const NodeId self_;
  RingRegister register_;
  Swim swim_;
  IdentityGuard guard_;
  Reachability reachability_;
  std::map<ProposalId, Done> proposals_;
  std::map<OperationId, Probe> probes_;
  std::optional<OperationId> saving_;          // of the register
  std::optional<OperationId> saving_dispute_;  // one save at a time
  std::optional<SaveRegister> save_next_;
  Dispute saved_dispute_;
  Dispute saving_as_;
  std::map<NodeId, Instant> duplicates_;
  bool asking_for_ruling_ = false;
  std::optional<Instant> wait_until_;  // refused: when to look for a ruling, and try saves, again
  std::uint64_t next_proposal_ = 1;
  bool new_state_ = false;
  bool paused_ = false;
  bool heard_state_ = false;
};

}  // namespace carillon
