#pragma once

#include <optional>

#include "ring/register_messages.h"
#include "ring/register_mutations.h"

namespace carillon {

// What an acceptor must never forget. Of one slot: that of another slot, or after another previous
// state, is void.
struct AcceptorState {
  StateVersion slot;  // 0: has never voted
  Hash128Value previous;
  Ballot promised;         // lower ballots are refused
  Ballot accepted_ballot;  // of `accepted`
  SharedState accepted;    // null: nothing
};

// Docs: docs/FORMATS.md, "Acceptor state".
Bytes EncodeAcceptorState(const AcceptorState& state);
// DATA_LOSS: malformed. A node that cannot read its acceptor's state must not vote: it begins anew
// under a new node id.
StatusOr<AcceptorState> DecodeAcceptorState(ByteSpan bytes);

// What an acceptor wants done, in this order.
struct AcceptorAnswer {
  std::optional<AcceptorState> save;  // nothing to save: nullopt
  RegisterMessage reply;              // goes out only when `save` is on disk
};

// One voter of single-decree Paxos, for the slot that follows its own committed state.
//
// It takes part only if the asker stands at that very state; whoever is behind or ahead is told
// so. It refuses a value that is no legal step (ValidateStep). The owner saves what an answer wants
// saved, says so (Saved), and only then sends the reply; until then it asks nothing else.
//
// Pure. One owner at a time. Memory: one state.
class RegisterAcceptor {
 public:
  explicit RegisterAcceptor(AcceptorState saved, RegisterMutations mutations = {})
      : state_(std::move(saved)), mutations_(mutations) {}

  // Repeated requests are answered alike, without a second save.
  // Requires: no save is under way; the request is of the cluster of `committed`.
  AcceptorAnswer Handle(const SharedState& committed, const PrepareRequest& request);
  AcceptorAnswer Handle(const SharedState& committed, const AcceptRequest& request);

  // What the last answer wanted saved is on disk. After a failed save nothing is called: the
  // reply is dropped, and this acceptor is as before.
  void Saved(AcceptorState state) { state_ = std::move(state); }

  // The highest ballot promised for the slot after `committed`.
  Ballot PromisedAfter(const SharedState& committed) const;
  const AcceptorState& state() const { return state_; }

 private:
  std::optional<VoteReply> CheckPosition(const SharedState& committed, const RegisterHeader& header,
                                         const Ballot& ballot) const;
  AcceptorState StateFor(const RegisterHeader& header) const;
  AcceptorAnswer Conclude(bool skip_save, AcceptorState next, RegisterMessage reply);

  AcceptorState state_;
  RegisterMutations mutations_;
};

}  // namespace carillon
