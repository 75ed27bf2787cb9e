#include "ring/register_proposer.h"

#include <algorithm>

#include "base/check.h"

namespace carillon {
namespace {

bool Contains(const std::vector<NodeId>& nodes, const NodeId& node) {
  return std::find(nodes.begin(), nodes.end(), node) != nodes.end();
}

void AddOnce(std::vector<NodeId>* nodes, const NodeId& node) {
  if (!Contains(*nodes, node)) nodes->push_back(node);
}

}  // namespace

void RegisterProposer::Start(Instant now, const SharedState& base, SharedState own,
                             const Ballot& floor, std::vector<SendRegister>* sends) {
  CHECK(!active());
  CHECK(!outcome_);
  base_ = base;
  own_ = std::move(own);
  voters_ = VotersOf(*base_);
  own_sent_ = false;
  slot_hash_.reset();
  answered_.clear();
  counter_ = floor.counter;
  round_ = 0;
  BeginRound(now, sends);
}

void RegisterProposer::BeginRound(Instant now, std::vector<SendRegister>* sends) {
  ++round_;
  ++counter_;
  ballot_ = {.counter = counter_, .node = mutations_.ballots_not_unique ? NodeId{} : self_};
  accepted_ballot_ = {};
  accepted_ = {};
  if (mutations_.quorum_of_new_members) voters_ = VotersOf(*base_);
  for (auto* nodes : {&yes_, &no_, &helped_}) nodes->clear();
  phase_ = Phase::kReserving;
  deadline_ = now + options_.round_timeout;
  sends->push_back({self_, PrepareRequest{.header = HeaderAfter(base_), .ballot = ballot_}});
}

void RegisterProposer::BeginPrepare(Instant now, std::vector<SendRegister>* sends) {
  phase_ = Phase::kPreparing;
  answered_.clear();
  deadline_ = now + options_.round_timeout;
  for (const NodeId& voter : voters_) {
    if (voter == self_) continue;
    sends->push_back({voter, PrepareRequest{.header = HeaderAfter(base_), .ballot = ballot_}});
  }
}

RegisterMessage RegisterProposer::AcceptMessage() const {
  return AcceptRequest{.header = HeaderAfter(base_), .ballot = ballot_, .value = value_};
}

void RegisterProposer::BeginAccept(Instant now, std::vector<SendRegister>* sends) {
  value_ = accepted_ && !mutations_.ignores_accepted_value ? accepted_ : own_;
  if (value_.hash == own_.hash) own_sent_ = true;
  if (mutations_.quorum_of_new_members) voters_ = VotersOf(*value_);
  for (auto* nodes : {&yes_, &no_, &helped_}) nodes->clear();
  phase_ = Phase::kAccepting;
  deadline_ = now + options_.round_timeout;
  for (const NodeId& voter : voters_) sends->push_back({voter, AcceptMessage()});
}

void RegisterProposer::BeginPause(Instant now) {
  if (round_ >= options_.max_rounds) {
    return End({.kind = ProposalOutcome::Kind::kFailed,
                .status = Unavailable("version {}: {} of {} voters answered, {} must agree",
                                      base_->version.value() + 1, answered_.size(), voters_.size(),
                                      Majority()),
                .unknown = own_sent_});
  }
  const int doublings = std::min(round_ - 1, 20);
  const Duration most = std::min(options_.pause_most, options_.pause_first * (1 << doublings));
  phase_ = Phase::kPausing;
  deadline_ = now + Duration(1 + random_->Below(static_cast<std::uint64_t>(most.count())));
}

bool RegisterProposer::IsCurrent(const VoteReply& vote) {
  if (!active() || vote.header != HeaderAfter(base_)) return false;
  counter_ = std::max(counter_, vote.promised.counter);
  if (vote.slot_hash) slot_hash_ = vote.slot_hash;
  return vote.ballot == ballot_;
}

void RegisterProposer::Handle(Instant now, const NodeId& from, const PrepareReply& reply,
                              std::vector<SendRegister>* sends) {
  if (!IsCurrent(reply.vote)) return;
  if (phase_ == Phase::kReserving) {
    if (from != self_) return;
    if (reply.vote.verdict == Verdict::kYes) {
      BeginPrepare(now, sends);
    } else {
      return BeginPause(now);
    }
  }
  if (phase_ != Phase::kPreparing) return;
  if (from != self_ && !IsVoter(from)) return;
  if (reply.vote.verdict != Verdict::kYes) {
    return HandleRefusal(now, from, reply.vote,
                         PrepareRequest{.header = HeaderAfter(base_), .ballot = ballot_}, sends);
  }
  if (reply.accepted && (!accepted_ || accepted_ballot_ < reply.accepted_ballot)) {
    accepted_ballot_ = reply.accepted_ballot;
    accepted_ = reply.accepted;
  }
  CountPromise(now, from, sends);
}

void RegisterProposer::CountPromise(Instant now, const NodeId& from,
                                    std::vector<SendRegister>* sends) {
  if (!IsVoter(from)) return;
  AddOnce(&answered_, from);
  AddOnce(&yes_, from);
  if (yes_.size() >= Majority()) BeginAccept(now, sends);
}

void RegisterProposer::Handle(Instant now, const NodeId& from, const AcceptReply& reply,
                              std::vector<SendRegister>* sends) {
  if (!IsCurrent(reply.vote) || phase_ != Phase::kAccepting || !IsVoter(from)) return;
  if (reply.vote.verdict != Verdict::kYes) {
    return HandleRefusal(now, from, reply.vote, AcceptMessage(), sends);
  }
  AddOnce(&answered_, from);
  AddOnce(&yes_, from);
  if (yes_.size() < Majority()) return;
  if (value_.hash == own_.hash) {
    return End({.kind = ProposalOutcome::Kind::kDecided, .state = value_});
  }
  End({.kind = ProposalOutcome::Kind::kConflict,
       .state = value_,
       .status = Aborted("version {} is another change: {}", value_->version, value_->note)});
}

void RegisterProposer::HandleRefusal(Instant now, const NodeId& from, const VoteReply& vote,
                                     const RegisterMessage& again,
                                     std::vector<SendRegister>* sends) {
  if (!IsVoter(from) || Contains(yes_, from)) return;
  AddOnce(&answered_, from);
  if (vote.verdict == Verdict::kBehind) return;  // the owner puts the newer state in force
  if (vote.verdict == Verdict::kNeedState && !Contains(helped_, from)) {
    helped_.push_back(from);
    sends->push_back({from, StateNotice{.header = HeaderAfter(base_), .state = base_}});
    sends->push_back({from, again});
    return;
  }
  AddOnce(&no_, from);
  if (voters_.size() - no_.size() < Majority()) BeginPause(now);
}

bool RegisterProposer::Abandon() {
  CHECK(active());
  phase_ = Phase::kIdle;
  return own_sent_;
}

void RegisterProposer::HandleCommitted(const SharedState& committed) {
  if (!active()) return;
  const StateVersion slot = own_->version;
  bool known = true;
  bool chosen = false;
  if (committed->generation != base_->generation) {
    known = false;
  } else if (committed->version == slot) {
    chosen = committed.hash == own_.hash;
  } else if (committed->version.value() == slot.value() + 1) {
    chosen = committed->previous == own_.hash;
  } else if (slot_hash_) {
    chosen = *slot_hash_ == own_.hash;
  } else {
    known = false;
  }
  if (chosen) return End({.kind = ProposalOutcome::Kind::kDecided, .state = own_});
  End({.kind = ProposalOutcome::Kind::kConflict,
       .state = committed,
       .status = Aborted("the cluster state is of version {} already", committed->version),
       .unknown = !known && own_sent_});
}

void RegisterProposer::Tick(Instant now, std::vector<SendRegister>* sends) {
  if (!active() || now < deadline_) return;
  if (phase_ == Phase::kPausing) return BeginRound(now, sends);
  BeginPause(now);
}

std::optional<Instant> RegisterProposer::Deadline() const {
  if (!active()) return std::nullopt;
  return deadline_;
}

void RegisterProposer::End(ProposalOutcome outcome) {
  phase_ = Phase::kIdle;
  outcome_ = std::move(outcome);
}

std::optional<ProposalOutcome> RegisterProposer::TakeOutcome() {
  return std::exchange(outcome_, std::nullopt);
}

bool RegisterProposer::IsVoter(const NodeId& node) const {
  return Contains(voters_, node);
}

std::size_t RegisterProposer::Majority() const {
  if (mutations_.half_is_majority) return (voters_.size() + 1) / 2;
  return voters_.size() / 2 + 1;
}

}  // namespace carillon
