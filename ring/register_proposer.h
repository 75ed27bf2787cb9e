#pragma once

#include <optional>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "ring/register_messages.h"
#include "ring/register_mutations.h"

namespace carillon {

struct ProposerOptions {
  Duration round_timeout = std::chrono::seconds(1);      // of each of the two phases of a round
  Duration pause_first = std::chrono::milliseconds(50);  // random up to this, doubled each round
  Duration pause_most = std::chrono::seconds(1);
  int max_rounds = 8;
};

// How a proposal ended.
struct ProposalOutcome {
  enum class Kind {
    kDecided,   // `state`, the proposal, is the version
    kConflict,  // another is: `state`, or an older one
    kFailed,    // see `status`
  };
  Kind kind = Kind::kFailed;
  SharedState state;
  Status status;         // of kConflict (ABORTED) and kFailed (UNAVAILABLE)
  bool unknown = false;  // the proposal may have been chosen, or may yet be
};

// Brings one change at a time to a decision.
//
//   Start --> reserving --own promise--> preparing --majority--> accepting --majority--> decided
//               ^  \--higher ballot / timeout-----/----------------/
//               |                                 v
//               +-------- random pause ------- pausing --too many rounds--> failed
//
// Reserving: a ballot is promised by this node's own acceptor, on disk, before anybody else hears
// of it. So a node never uses a ballot twice, whatever it forgets in a crash, even when it is no
// voter. What the preparing finds accepted is finished first; then the proposal has lost.
//
// Messages to this node itself are sent like all others. Late, repeated, and unknown answers
// change nothing. Pure. One owner at a time. Memory: O(voters).
class RegisterProposer {
 public:
  RegisterProposer(NodeId self, ProposerOptions options, Random* random,
                   RegisterMutations mutations = {})
      : self_(self), options_(options), random_(random), mutations_(mutations) {}

  // Proposes `own`, the version after `base`, to the voters of `base`. `floor`: the highest ballot
  // this node's own acceptor has promised for that slot.
  // Requires: not active, the last outcome was taken, ValidateStep(base, own) is OK.
  void Start(Instant now, const SharedState& base, SharedState own, const Ballot& floor,
             std::vector<SendRegister>* sends);

  void Handle(Instant now, const NodeId& from, const PrepareReply& reply,
              std::vector<SendRegister>* sends);
  void Handle(Instant now, const NodeId& from, const AcceptReply& reply,
              std::vector<SendRegister>* sends);
  // Stops without an outcome. True: the proposal may have been accepted somewhere, and so may yet
  // be chosen. Requires: active.
  bool Abandon();
  // A state newer than `base` is in force at this node: this ends the proposal.
  void HandleCommitted(const SharedState& committed);

  // Acts on whatever is due at `now`.
  void Tick(Instant now, std::vector<SendRegister>* sends);
  // When Tick must run next; nullopt: not until something else happens.
  std::optional<Instant> Deadline() const;

  bool active() const { return phase_ != Phase::kIdle; }
  // The outcome, once.
  std::optional<ProposalOutcome> TakeOutcome();

 private:
  enum class Phase { kIdle, kReserving, kPreparing, kAccepting, kPausing };

  void BeginRound(Instant now, std::vector<SendRegister>* sends);
  void BeginPrepare(Instant now, std::vector<SendRegister>* sends);
  void BeginAccept(Instant now, std::vector<SendRegister>* sends);
  void BeginPause(Instant now);
  // Whether `vote` is an answer to what is being asked. Notes what it tells besides.
  bool IsCurrent(const VoteReply& vote);
  void HandleRefusal(Instant now, const NodeId& from, const VoteReply& vote,
                     const RegisterMessage& again, std::vector<SendRegister>* sends);
  void CountPromise(Instant now, const NodeId& from, std::vector<SendRegister>* sends);
  void End(ProposalOutcome outcome);
  bool IsVoter(const NodeId& node) const;
  std::size_t Majority() const;
  RegisterMessage AcceptMessage() const;

  const NodeId self_;
  const ProposerOptions options_;
  Random* const random_;
  const RegisterMutations mutations_;

  Phase phase_ = Phase::kIdle;
  Instant deadline_{};
  std::optional<ProposalOutcome> outcome_;

  SharedState base_;
  SharedState own_;
  std::vector<NodeId> voters_;
  bool own_sent_ = false;                  // somebody may have accepted own_
  std::optional<Hash128Value> slot_hash_;  // of what was decided, as a peer remembers
  std::uint64_t counter_ = 0;              // highest used or heard of for this slot
  int round_ = 0;

  Ballot ballot_;  // of this round
  SharedState value_;
  Ballot accepted_ballot_;
  SharedState accepted_;          // of the highest ballot found in this round
  std::vector<NodeId> yes_;       // in this phase
  std::vector<NodeId> no_;        // in this phase
  std::vector<NodeId> helped_;    // were sent base_ in this phase
  std::vector<NodeId> answered_;  // in the last round that asked others
};

}  // namespace carillon
