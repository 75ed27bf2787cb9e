#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "ring/ring_register.h"

namespace carillon {

// The note by which a proposal is known again in the chain of states.
std::string NoteOf(ProposalId proposal);

// Holds at every step (invariant I8): one state a version, each chained to the one before and
// accepted by a majority of its voters; no node's version goes back, across restarts too; what was
// answered is true.
class RegisterChecker {
 public:
  RegisterChecker(SharedState first, std::size_t nodes);

  // --- What happened. `node` is an index.
  // A voter's state changed: it may tell others so.
  void HandleVote(std::size_t node, const NodeId& id, const AcceptorState& state);
  void HandleInForce(std::size_t node, const SharedState& state);
  // `saved` is in force at once: it may be newer than what was, when a crash came after its save.
  void HandleRestart(std::size_t node, const SharedState& saved);
  void HandleProposed(ProposalId proposal, std::optional<StateVersion> expected);
  void HandleAnswer(const ProposalAnswer& answer);
  void Complain(std::string violation) { violations_.push_back(std::move(violation)); }

  // Once, at the end: answers against the whole chain.
  void Finish();

  const std::vector<std::string>& violations() const { return violations_; }
  const SharedState& newest() const { return chain_.back(); }
  std::uint64_t versions() const { return chain_.size(); }
  // nullptr: not answered.
  const ProposalAnswer* AnswerOf(ProposalId proposal) const;
  std::uint64_t CountOf(ProposalAnswer::Fate fate) const;

 private:
  struct Voted {
    Hash128Value hash;
    Ballot ballot;
    std::vector<NodeId> nodes;
  };
  struct Proposal {
    std::optional<StateVersion> expected;
    std::optional<ProposalAnswer> answer;
  };
  void CheckMajority(const SharedState& state);
  void CheckAnswer(ProposalId id, const Proposal& proposal,
                   const std::vector<StateVersion>& versions);

  std::vector<SharedState> chain_;      // version v at v - 1
  std::vector<StateVersion> in_force_;  // by node; 0: nothing yet
  std::map<StateVersion, std::vector<Voted>> voted_;
  std::map<ProposalId, Proposal> proposals_;
  std::vector<std::string> violations_;
};

}  // namespace carillon
