#include "tests/sim/register/register_checker.h"

#include <algorithm>

namespace carillon {
namespace {

using Fate = ProposalAnswer::Fate;

bool Contains(const std::vector<NodeId>& nodes, const NodeId& node) {
  return std::find(nodes.begin(), nodes.end(), node) != nodes.end();
}

}  // namespace

std::string NoteOf(ProposalId proposal) {
  return fmt::format("proposal {}", proposal);
}

RegisterChecker::RegisterChecker(SharedState first, std::size_t nodes)
    : chain_{std::move(first)}, in_force_(nodes) {}

void RegisterChecker::HandleVote(std::size_t, const NodeId& id, const AcceptorState& state) {
  if (!state.accepted) return;
  auto& voted = voted_[state.slot];
  for (Voted& vote : voted) {
    if (vote.hash != state.accepted.hash || vote.ballot != state.accepted_ballot) continue;
    if (!Contains(vote.nodes, id)) vote.nodes.push_back(id);
    return;
  }
  voted.push_back({.hash = state.accepted.hash, .ballot = state.accepted_ballot, .nodes = {id}});
}

void RegisterChecker::HandleInForce(std::size_t node, const SharedState& state) {
  if (state->version <= in_force_[node]) {
    Complain(
        fmt::format("node {} goes from version {} to {}", node, in_force_[node], state->version));
  }
  in_force_[node] = state->version;
  const std::uint64_t version = state->version.value();
  if (version <= chain_.size()) {
    if (chain_[version - 1].hash == state.hash) return;
    return Complain(fmt::format("two states of version {}: '{}' and, at node {}, '{}'", version,
                                chain_[version - 1]->note, node, state->note));
  }
  if (version != chain_.size() + 1 || state->previous != chain_.back().hash) {
    return Complain(fmt::format("version {} at node {} does not follow version {}", version, node,
                                chain_.size()));
  }
  CheckMajority(state);
  chain_.push_back(state);
}

void RegisterChecker::CheckMajority(const SharedState& state) {
  const std::vector<NodeId> voters = VotersOf(*chain_.back());
  for (const Voted& vote : voted_[state->version]) {
    if (vote.hash != state.hash) continue;
    const auto yes = std::count_if(voters.begin(), voters.end(), [&](const NodeId& voter) {
      return Contains(vote.nodes, voter);
    });
    if (2 * static_cast<std::size_t>(yes) > voters.size()) return;
  }
  Complain(fmt::format("version {} was accepted by no majority of the {} voters of the one before",
                       state->version, voters.size()));
}

void RegisterChecker::HandleRestart(std::size_t node, const SharedState& saved) {
  if (saved->version > in_force_[node]) return HandleInForce(node, saved);
  if (saved->version == in_force_[node]) return;
  Complain(fmt::format("node {} had version {} and restarts with {}", node, in_force_[node],
                       saved->version));
}

void RegisterChecker::HandleProposed(ProposalId proposal, std::optional<StateVersion> expected) {
  proposals_[proposal].expected = expected;
}

void RegisterChecker::HandleAnswer(const ProposalAnswer& answer) {
  Proposal& proposal = proposals_[answer.proposal];
  if (proposal.answer) Complain(fmt::format("{} is answered twice", NoteOf(answer.proposal)));
  if (answer.status.ok() != (answer.fate == Fate::kDone)) {
    Complain(fmt::format("{}: {}, and the fate {}", NoteOf(answer.proposal),
                         ToString(answer.status), static_cast<int>(answer.fate)));
  }
  proposal.answer = answer;
}

void RegisterChecker::CheckAnswer(ProposalId id, const Proposal& proposal,
                                  const std::vector<StateVersion>& versions) {
  if (versions.size() > 1) {
    Complain(fmt::format("{} was made {} times", NoteOf(id), versions.size()));
  }
  if (!versions.empty() && proposal.expected &&
      versions.front().value() != proposal.expected->value() + 1) {
    Complain(fmt::format("{} for version {} is version {}", NoteOf(id), *proposal.expected,
                         versions.front()));
  }
  if (!proposal.answer) return;
  if (proposal.answer->fate == Fate::kNotDone && !versions.empty()) {
    Complain(fmt::format("{} is version {}, and was answered {}", NoteOf(id), versions.front(),
                         ToString(proposal.answer->status)));
  }
  if (proposal.answer->fate != Fate::kDone) return;
  const SharedState& state = proposal.answer->state;
  const bool is_there = state && state->version.value() <= chain_.size() &&
                        chain_[state->version.value() - 1].hash == state.hash;
  if (!is_there || versions.empty()) {
    Complain(fmt::format("{} was acknowledged and is not in the chain", NoteOf(id)));
  }
}

void RegisterChecker::Finish() {
  std::map<std::string, std::vector<StateVersion>> made;
  for (const SharedState& state : chain_) made[state->note].push_back(state->version);
  for (const auto& [id, proposal] : proposals_) CheckAnswer(id, proposal, made[NoteOf(id)]);
}

const ProposalAnswer* RegisterChecker::AnswerOf(ProposalId proposal) const {
  const auto found = proposals_.find(proposal);
  const bool is_answered = found != proposals_.end() && found->second.answer;
  return is_answered ? &*found->second.answer : nullptr;
}

std::uint64_t RegisterChecker::CountOf(Fate fate) const {
  return static_cast<std::uint64_t>(
      std::count_if(proposals_.begin(), proposals_.end(), [fate](const auto& entry) {
        return entry.second.answer && entry.second.answer->fate == fate;
      }));
}

}  // namespace carillon
