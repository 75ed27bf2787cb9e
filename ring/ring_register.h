#pragma once

#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "ring/register_acceptor.h"
#include "ring/register_messages.h"
#include "ring/register_proposer.h"
#include "ring/state_keeper.h"

namespace carillon {

using ProposalId = Id<struct ProposalTag, std::uint64_t>;  // chosen by the owner, never reused

// Makes the version after `state` (begin with NextVersionOf), or says why not. Pure: it is called
// again when another change comes first. `change` is filled in by the register.
using StateMaker = std::function<StatusOr<ClusterState>(const ClusterState& state)>;

// --- What a register wants done, in this order.

// Makes it durable, in place of what was saved of that kind. -> HandleSaved. One at a time.
struct SaveRegister {
  std::variant<AcceptorState, SharedState> what;
};
// A newer cluster state is saved and holds from now on.
struct StateInForce {
  SharedState state;
};
// To whoever proposed.
struct ProposalAnswer {
  enum class Fate {
    kDone,     // it is version `state`
    kNotDone,  // and never will be
    kUnknown,  // it may have been chosen, or may yet be
  };
  ProposalId proposal;
  Status status;  // OK: kDone
  Fate fate = Fate::kNotDone;
  SharedState state;  // kDone
};
// Two states of one version: the register is frozen, people must look.
struct RegisterAlarm {
  std::string text;
};
using RegisterEffect =
    std::variant<SendRegister, SaveRegister, StateInForce, ProposalAnswer, RegisterAlarm>;
using RegisterEffects = std::vector<RegisterEffect>;

struct RegisterOptions {
  ProposerOptions proposer;
  Duration fetch_interval = std::chrono::milliseconds(500);  // between requests for a newer state
  int max_remakes = 16;                                      // of a proposal that loses to others
  RegisterMutations mutations;
};

// A node's part in agreeing on the cluster state: it keeps the state in force, votes on the next,
// and proposes. Version v + 1 is chosen by single-decree Paxos among the voters of v
// (docs/design/0005-the-ring.md).
//
// Nothing counts before it is saved: while a save is under way all that arrives waits (at most
// kMaxInbox messages; more are dropped, as if lost on the way). Messages may be lost, repeated,
// late, out of order; those of another cluster change nothing. Messages to this node itself are
// handled inside. Pure. One owner at a time.
class RingRegister {
 public:
  static constexpr std::size_t kMaxInbox = 256;
  static constexpr std::size_t kMaxWaiting = 64;  // proposals
  static constexpr std::size_t kMaxNotices = 64;  // members told of a new state at once

  // `saved`, `acceptor`: what was saved last of each (AcceptorState{}: never).
  // Requires: `saved` is valid. `random` outlives this.
  RingRegister(NodeId self, SharedState saved, AcceptorState acceptor, WallTime wall,
               RegisterOptions options, Random* random);

  // Answered exactly once, in this call or a later one, unless this node stops before. Without
  // `expected`, `maker` is called again on the newer state each time another change comes first.
  //
  // ABORTED: the version is not `expected` (any more), or others came first too often.
  // UNAVAILABLE: too few voters answered, or a disk failed. RESOURCE_EXHAUSTED: kMaxWaiting wait.
  // FAILED_PRECONDITION: this node is no member, or the register is frozen.
  // INVALID_ARGUMENT: no legal step. Or what `maker` says.
  // DEADLINE_EXCEEDED: `deadline` has come. What nobody can have accepted is dropped, for good;
  // else it is not pursued here any more, and the fate is kUnknown.
  void Propose(Instant now, ProposalId proposal, std::optional<StateVersion> expected,
               std::optional<Instant> deadline, StateMaker maker, RegisterEffects* effects);

  // `from` is authenticated.
  void Handle(Instant now, const NodeId& from, RegisterMessage message, RegisterEffects* effects);
  // `from` has this state, as gossip says.
  void HandleSummary(Instant now, const NodeId& from, const StateSummary& summary,
                     RegisterEffects* effects);
  // The save under way ended. Requires: one is.
  void HandleSaved(Instant now, WallTime wall, const Status& status, RegisterEffects* effects);

  // Puts `recovered` (force_recover.h) in force here and tells its members. Answered as Propose is.
  // ABORTED: it does not follow the state in force. UNAVAILABLE: a save is under way, or failed.
  void Recover(ProposalId proposal, ClusterState recovered, RegisterEffects* effects);

  // Acts on whatever is due at `now`.
  void Tick(Instant now, RegisterEffects* effects);
  // When Tick must run next; nullopt: not until something else happens.
  std::optional<Instant> Deadline() const;

  const SharedState& committed() const { return keeper_.committed(); }
  const StateKeeper& keeper() const { return keeper_; }
  const RegisterAcceptor& acceptor() const { return acceptor_; }
  bool saving() const { return saving_.has_value(); }

 private:
  struct Proposal {
    ProposalId id;
    std::optional<StateVersion> expected;
    std::optional<Instant> deadline;
    StateMaker maker;
    int remakes = 0;
  };
  struct Letter {
    NodeId from;
    RegisterMessage message;
  };
  struct Vote {  // what is sent when it is saved
    AcceptorState state;
    SendRegister reply;
  };
  struct NewState {
    SharedState state;
    bool tell = false;  // decided or recovered here: the others must hear of it
    std::optional<ProposalId> recovery;
  };

  void Run(Instant now, RegisterEffects* effects);
  void Dispatch(Instant now, Letter letter, RegisterEffects* effects);
  void Receive(Instant now, const NodeId& from, PrepareRequest message, RegisterEffects* effects);
  void Receive(Instant now, const NodeId& from, PrepareReply message, RegisterEffects* effects);
  void Receive(Instant now, const NodeId& from, AcceptRequest message, RegisterEffects* effects);
  void Receive(Instant now, const NodeId& from, AcceptReply message, RegisterEffects* effects);
  void Receive(Instant now, const NodeId& from, FetchStateRequest message,
               RegisterEffects* effects);
  void Receive(Instant now, const NodeId& from, FetchStateReply message, RegisterEffects* effects);
  void Receive(Instant now, const NodeId& from, StateNotice message, RegisterEffects* effects);
  template <typename Request, typename Reply>
  void CastVote(const NodeId& from, const Request& request, RegisterEffects* effects);
  void Consider(const SharedState& offered, RegisterEffects* effects);
  void SaveState(NewState state, RegisterEffects* effects);
  void FinishState(WallTime wall, const NewState& saved, const Status& status,
                   RegisterEffects* effects);
  void TellMembers(const SharedState& before, const SharedState& now,
                   RegisterEffects* effects) const;
  bool MayLearn(std::uint64_t generation, const NodeId& node) const;
  void Send(SendRegister message, RegisterEffects* effects);
  void SendAll(std::vector<SendRegister> messages, RegisterEffects* effects);
  void DropOverdue(Instant now, RegisterEffects* effects);
  void StartProposal(Instant now, RegisterEffects* effects);
  Status CheckMayPropose(const Proposal& proposal) const;
  StatusOr<SharedState> Make(const Proposal& proposal);
  void HandleOutcome(ProposalOutcome outcome, RegisterEffects* effects);
  void Conclude(const ProposalOutcome& outcome, RegisterEffects* effects);
  void Alarm(const StateSummary& other, RegisterEffects* effects);

  const NodeId self_;
  const RegisterOptions options_;
  Random* const random_;
  StateKeeper keeper_;
  RegisterAcceptor acceptor_;
  RegisterProposer proposer_;

  std::deque<Letter> inbox_;
  std::optional<std::variant<Vote, NewState>> saving_;
  std::deque<Proposal> waiting_;
  std::optional<Proposal> current_;         // the proposer has it, or its outcome is being saved
  std::optional<ProposalOutcome> outcome_;  // of current_, to be told when the state is in force
  Instant fetch_after_{};
};

}  // namespace carillon
