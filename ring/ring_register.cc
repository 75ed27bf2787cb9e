#include "ring/ring_register.h"

#include <set>

#include "base/check.h"

namespace carillon {
namespace {

using Fate = ProposalAnswer::Fate;

const RegisterHeader& HeaderOf(const RegisterMessage& message) {
  return std::visit(
      [](const auto& kind) -> const RegisterHeader& {
        if constexpr (requires { kind.vote; }) {
          return kind.vote.header;
        } else {
          return kind.header;
        }
      },
      message);
}

// Where whoever asks with this header stands.
StateSummary PositionOf(const RegisterHeader& header) {
  return {.cluster = header.cluster,
          .generation = header.generation,
          .version = StateVersion(header.slot.value() - 1),
          .hash = header.previous};
}

Uuid TakeUuid(Random* random) {
  Uuid uuid;
  for (std::size_t i = 0; i < uuid.bytes.size(); i += 8) {
    const std::uint64_t word = random->Next();
    for (std::size_t j = 0; j < 8; ++j) {
      uuid.bytes[i + j] = static_cast<std::uint8_t>(word >> (8 * j));
    }
  }
  return uuid;
}

}  // namespace

RingRegister::RingRegister(NodeId self, SharedState saved, AcceptorState acceptor, WallTime wall,
                           RegisterOptions options, Random* random)
    : self_(self),
      options_(options),
      random_(random),
      keeper_(self, std::move(saved), wall),
      acceptor_(std::move(acceptor), options.mutations),
      proposer_(self, options.proposer, random, options.mutations) {}

void RingRegister::Propose(Instant now, ProposalId proposal, std::optional<StateVersion> expected,
                           std::optional<Instant> deadline, StateMaker maker,
                           RegisterEffects* effects) {
  if (waiting_.size() >= kMaxWaiting) {
    effects->push_back(ProposalAnswer{
        .proposal = proposal,
        .status = ResourceExhausted("{} changes of the cluster state wait", kMaxWaiting)});
    return;
  }
  waiting_.push_back(
      {.id = proposal, .expected = expected, .deadline = deadline, .maker = std::move(maker)});
  Run(now, effects);
}

void RingRegister::Handle(Instant now, const NodeId& from, RegisterMessage message,
                          RegisterEffects* effects) {
  if (inbox_.size() >= kMaxInbox) return;
  inbox_.push_back({.from = from, .message = std::move(message)});
  Run(now, effects);
}

void RingRegister::HandleSummary(Instant now, const NodeId& from, const StateSummary& summary,
                                 RegisterEffects* effects) {
  const StateVerdict verdict = keeper_.Judge(summary);
  if (verdict == StateVerdict::kConflict) return Alarm(summary, effects);
  if (verdict != StateVerdict::kNewer || now < fetch_after_) return;
  fetch_after_ = now + options_.fetch_interval;
  Send({from, FetchStateRequest{.header = HeaderAfter(committed())}}, effects);
}

void RingRegister::HandleSaved(Instant now, WallTime wall, const Status& status,
                               RegisterEffects* effects) {
  CHECK(saving_);
  const auto saved = *std::exchange(saving_, std::nullopt);
  if (const auto* vote = std::get_if<Vote>(&saved)) {
    if (status.ok()) {
      acceptor_.Saved(vote->state);
      Send(vote->reply, effects);
    }
  } else {
    FinishState(wall, std::get<NewState>(saved), status, effects);
  }
  Run(now, effects);
}

void RingRegister::FinishState(WallTime wall, const NewState& saved, const Status& status,
                               RegisterEffects* effects) {
  const SharedState before = committed();
  if (status.ok()) {
    keeper_.Install(saved.state, wall);
    effects->push_back(StateInForce{.state = saved.state});
    proposer_.HandleCommitted(saved.state);
  }
  const bool is_decided = status.ok() || !saved.recovery;
  if (saved.tell && is_decided) TellMembers(before, saved.state, effects);
  if (saved.recovery) {
    effects->push_back(ProposalAnswer{.proposal = *saved.recovery,
                                      .status = status,
                                      .fate = status.ok() ? Fate::kDone : Fate::kUnknown,
                                      .state = status.ok() ? saved.state : SharedState{}});
  }
  if (!outcome_) return;
  ProposalOutcome outcome = *std::exchange(outcome_, std::nullopt);
  if (!status.ok() && outcome.kind == ProposalOutcome::Kind::kDecided) {
    outcome.kind = ProposalOutcome::Kind::kFailed;
    outcome.status = Unavailable("decided, and not saved here: {}", Message(status));
    outcome.unknown = true;
  }
  Conclude(outcome, effects);
}

void RingRegister::Recover(ProposalId proposal, ClusterState recovered, RegisterEffects* effects) {
  const auto refuse = [&](Status why) {
    effects->push_back(ProposalAnswer{.proposal = proposal, .status = std::move(why)});
  };
  if (saving_) return refuse(Unavailable("a save is under way"));
  const bool is_next = recovered.previous == committed().hash &&
                       recovered.generation == committed()->generation + 1 &&
                       recovered.version.value() == committed()->version.value() + 1;
  if (!is_next || !recovered.IndexOf(self_)) {
    return refuse(Aborted("the recovered state does not follow version {} of this node",
                          committed()->version));
  }
  if (Status valid = Validate(recovered); !valid.ok()) return refuse(std::move(valid));
  SaveState({.state = Share(std::move(recovered)), .tell = true, .recovery = proposal}, effects);
}

void RingRegister::Tick(Instant now, RegisterEffects* effects) {
  std::vector<SendRegister> sends;
  proposer_.Tick(now, &sends);
  SendAll(std::move(sends), effects);
  DropOverdue(now, effects);
  Run(now, effects);
}

std::optional<Instant> RingRegister::Deadline() const {
  std::optional<Instant> first = proposer_.Deadline();
  const auto consider = [&first](const Proposal& proposal) {
    if (proposal.deadline) first = first ? std::min(*first, *proposal.deadline) : proposal.deadline;
  };
  for (const Proposal& proposal : waiting_) consider(proposal);
  if (current_ && proposer_.active()) consider(*current_);
  return first;
}

// What has an outcome is told as it is, however late.
void RingRegister::DropOverdue(Instant now, RegisterEffects* effects) {
  const auto is_overdue = [now](const Proposal& proposal) {
    return proposal.deadline && now >= *proposal.deadline;
  };
  const auto drop = [effects](const Proposal& proposal, bool may_be_made) {
    effects->push_back(ProposalAnswer{
        .proposal = proposal.id,
        .status = may_be_made
                      ? DeadlineExceeded("the deadline has come, and the voters have not agreed: "
                                         "it may still be made: look at `carillon ring status`")
                      : DeadlineExceeded("the deadline has come: nothing was changed"),
        .fate = may_be_made ? Fate::kUnknown : Fate::kNotDone});
  };
  for (const Proposal& proposal : waiting_) {
    if (is_overdue(proposal)) drop(proposal, false);
  }
  std::erase_if(waiting_, is_overdue);
  if (!current_ || !proposer_.active() || !is_overdue(*current_)) return;
  drop(*std::exchange(current_, std::nullopt), proposer_.Abandon());
}

void RingRegister::Run(Instant now, RegisterEffects* effects) {
  while (!saving_) {
    if (auto outcome = proposer_.TakeOutcome()) {
      HandleOutcome(std::move(*outcome), effects);
    } else if (!inbox_.empty()) {
      Letter letter = std::move(inbox_.front());
      inbox_.pop_front();
      Dispatch(now, std::move(letter), effects);
    } else if (!current_ && !waiting_.empty()) {
      StartProposal(now, effects);
    } else {
      return;
    }
  }
}

void RingRegister::Dispatch(Instant now, Letter letter, RegisterEffects* effects) {
  if (HeaderOf(letter.message).cluster != committed()->cluster) return;
  std::visit([&](auto& message) { Receive(now, letter.from, std::move(message), effects); },
             letter.message);
}

void RingRegister::Receive(Instant, const NodeId& from, PrepareRequest message,
                           RegisterEffects* effects) {
  CastVote<PrepareRequest, PrepareReply>(from, message, effects);
}

void RingRegister::Receive(Instant, const NodeId& from, AcceptRequest message,
                           RegisterEffects* effects) {
  CastVote<AcceptRequest, AcceptReply>(from, message, effects);
}

void RingRegister::Receive(Instant now, const NodeId& from, PrepareReply message,
                           RegisterEffects* effects) {
  std::vector<SendRegister> sends;
  proposer_.Handle(now, from, message, &sends);
  SendAll(std::move(sends), effects);
  Consider(message.vote.newer, effects);
}

void RingRegister::Receive(Instant now, const NodeId& from, AcceptReply message,
                           RegisterEffects* effects) {
  std::vector<SendRegister> sends;
  proposer_.Handle(now, from, message, &sends);
  SendAll(std::move(sends), effects);
  Consider(message.vote.newer, effects);
}

void RingRegister::Receive(Instant, const NodeId& from, FetchStateRequest message,
                           RegisterEffects* effects) {
  const StateSummary position = PositionOf(message.header);
  if (keeper_.Judge(position) == StateVerdict::kConflict) Alarm(position, effects);
  FetchStateReply reply{.header = HeaderAfter(committed())};
  const bool is_behind = position.version < committed()->version;
  if (is_behind && MayLearn(position.generation, from)) reply.state = committed();
  Send({from, std::move(reply)}, effects);
}

void RingRegister::Receive(Instant, const NodeId&, FetchStateReply message,
                           RegisterEffects* effects) {
  Consider(message.state, effects);
}

void RingRegister::Receive(Instant, const NodeId&, StateNotice message, RegisterEffects* effects) {
  Consider(message.state, effects);
}

// Who is of an older generation and no survivor learns nothing.
bool RingRegister::MayLearn(std::uint64_t generation, const NodeId& node) const {
  return generation >= committed()->generation || committed()->IndexOf(node);
}

template <typename Request, typename Reply>
void RingRegister::CastVote(const NodeId& from, const Request& request, RegisterEffects* effects) {
  const StateSummary position = PositionOf(request.header);
  if (keeper_.Judge(position) == StateVerdict::kConflict) Alarm(position, effects);
  if (!keeper_.frozen().empty()) return;
  AcceptorAnswer answer = acceptor_.Handle(committed(), request);
  VoteReply& vote = std::get<Reply>(answer.reply).vote;
  if (vote.verdict == Verdict::kBehind && !MayLearn(request.header.generation, from)) {
    vote.verdict = Verdict::kOldGeneration;
    vote.newer = {};
  }
  const bool same_generation = request.header.generation == committed()->generation;
  if (vote.verdict == Verdict::kBehind && same_generation) {
    vote.slot_hash = keeper_.HashOfVersion(request.header.slot);
  }
  if (!answer.save) return Send({from, std::move(answer.reply)}, effects);
  effects->push_back(SaveRegister{.what = *answer.save});
  saving_ = Vote{.state = std::move(*answer.save), .reply = {from, std::move(answer.reply)}};
}

void RingRegister::Consider(const SharedState& offered, RegisterEffects* effects) {
  if (!offered || saving_) return;
  switch (keeper_.Judge(offered)) {
    case StateVerdict::kOlder:
    case StateVerdict::kRefused:
      return;
    case StateVerdict::kConflict:
      return Alarm(SummaryOf(offered), effects);
    case StateVerdict::kNewer:
      break;
  }
  const bool is_frozen = !keeper_.frozen().empty();
  if (is_frozen && offered->generation == committed()->generation) return;
  SaveState({.state = offered}, effects);
}

void RingRegister::SaveState(NewState state, RegisterEffects* effects) {
  effects->push_back(SaveRegister{.what = state.state});
  saving_ = std::move(state);
}

void RingRegister::TellMembers(const SharedState& before, const SharedState& now,
                               RegisterEffects* effects) const {
  std::set<NodeId> nodes;
  for (const SharedState* state : {&before, &now}) {
    if ((*state)->members.size() > kMaxNotices) {  // gossip tells the others
      for (const NodeId& voter : VotersOf(**state)) nodes.insert(voter);
    } else {
      for (const Member& member : (*state)->members) nodes.insert(member.node);
    }
  }
  nodes.erase(self_);
  for (const NodeId& node : nodes) {
    effects->push_back(SendRegister{node, StateNotice{.header = HeaderAfter(now), .state = now}});
  }
}

void RingRegister::Send(SendRegister message, RegisterEffects* effects) {
  if (message.to == self_) {
    inbox_.push_back({.from = self_, .message = std::move(message.message)});
  } else {
    effects->push_back(std::move(message));
  }
}

void RingRegister::SendAll(std::vector<SendRegister> messages, RegisterEffects* effects) {
  for (SendRegister& message : messages) Send(std::move(message), effects);
}

void RingRegister::StartProposal(Instant now, RegisterEffects* effects) {
  current_ = std::move(waiting_.front());
  waiting_.pop_front();
  const auto refuse = [&](Status why) {
    effects->push_back(ProposalAnswer{.proposal = current_->id, .status = std::move(why)});
    current_.reset();
  };
  if (Status may = CheckMayPropose(*current_); !may.ok()) return refuse(std::move(may));
  auto own = Make(*current_);
  if (!own.ok()) return refuse(own.status());
  std::vector<SendRegister> sends;
  proposer_.Start(now, committed(), *std::move(own), acceptor_.PromisedAfter(committed()), &sends);
  SendAll(std::move(sends), effects);
}

Status RingRegister::CheckMayPropose(const Proposal& proposal) const {
  if (!keeper_.frozen().empty()) {
    return FailedPrecondition("the cluster state is frozen: {}", keeper_.frozen());
  }
  if (!committed()->IndexOf(self_)) {
    return FailedPrecondition("this node is no member of version {}", committed()->version);
  }
  if (proposal.expected && *proposal.expected != committed()->version) {
    return Aborted("the cluster state is of version {}, not {}", committed()->version,
                   *proposal.expected);
  }
  return OkStatus();
}

StatusOr<SharedState> RingRegister::Make(const Proposal& proposal) {
  ASSIGN_OR_RETURN(ClusterState next, proposal.maker(*committed()));
  next.change = TakeUuid(random_);
  RETURN_IF_ERROR(ValidateStep(*committed(), next));
  return Share(std::move(next));
}

void RingRegister::HandleOutcome(ProposalOutcome outcome, RegisterEffects* effects) {
  const StateVerdict verdict = outcome.state ? keeper_.Judge(outcome.state) : StateVerdict::kOlder;
  if (verdict == StateVerdict::kConflict) Alarm(SummaryOf(outcome.state), effects);
  if (verdict != StateVerdict::kNewer) return Conclude(outcome, effects);
  SaveState({.state = outcome.state, .tell = true}, effects);
  outcome_ = std::move(outcome);
}

void RingRegister::Conclude(const ProposalOutcome& outcome, RegisterEffects* effects) {
  Proposal proposal = *std::exchange(current_, std::nullopt);
  ProposalAnswer answer{.proposal = proposal.id, .status = outcome.status};
  switch (outcome.kind) {
    case ProposalOutcome::Kind::kDecided:
      answer.fate = Fate::kDone;
      answer.state = outcome.state;
      break;
    case ProposalOutcome::Kind::kConflict:
      if (outcome.unknown) {
        answer.fate = Fate::kUnknown;
        answer.status = Unavailable("versions went by, one of which may be this change");
      } else if (!proposal.expected && proposal.remakes < options_.max_remakes) {
        ++proposal.remakes;
        waiting_.push_front(std::move(proposal));
        return;
      }
      break;
    case ProposalOutcome::Kind::kFailed:
      if (outcome.unknown) answer.fate = Fate::kUnknown;
      break;
  }
  effects->push_back(std::move(answer));
}

void RingRegister::Alarm(const StateSummary& other, RegisterEffects* effects) {
  if (!keeper_.frozen().empty()) return;
  keeper_.Freeze(fmt::format("another state of version {}, generation {} exists ({:016x}{:016x})",
                             other.version, other.generation, other.hash.high, other.hash.low));
  effects->push_back(RegisterAlarm{.text = keeper_.frozen()});
}

}  // namespace carillon
