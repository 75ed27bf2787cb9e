#include "ring/register_acceptor.h"

#include "base/check.h"

namespace carillon {

std::optional<VoteReply> RegisterAcceptor::CheckPosition(const SharedState& committed,
                                                         const RegisterHeader& header,
                                                         const Ballot& ballot) const {
  CHECK(header.cluster == committed->cluster);
  VoteReply reply{.header = header, .ballot = ballot};
  const RegisterHeader own = HeaderAfter(committed);
  if (header.generation > own.generation) {
    reply.verdict = Verdict::kNeedState;
  } else if (header.generation < own.generation) {
    reply.verdict = Verdict::kBehind;
    reply.newer = committed;
  } else if (mutations_.no_slot_check) {
    return std::nullopt;
  } else if (header.slot > own.slot) {
    reply.verdict = Verdict::kNeedState;
  } else if (header.slot < own.slot) {
    reply.verdict = Verdict::kBehind;
    reply.newer = committed;
  } else if (header.previous != own.previous) {
    reply.verdict = Verdict::kFork;
  } else {
    return std::nullopt;
  }
  return reply;
}

AcceptorState RegisterAcceptor::StateFor(const RegisterHeader& header) const {
  if (state_.slot == header.slot && state_.previous == header.previous) return state_;
  return {.slot = header.slot, .previous = header.previous};
}

AcceptorAnswer RegisterAcceptor::Conclude(bool skip_save, AcceptorState next,
                                          RegisterMessage reply) {
  if (!skip_save) return {.save = std::move(next), .reply = std::move(reply)};
  state_ = std::move(next);
  return {.reply = std::move(reply)};
}

AcceptorAnswer RegisterAcceptor::Handle(const SharedState& committed,
                                        const PrepareRequest& request) {
  if (auto elsewhere = CheckPosition(committed, request.header, request.ballot)) {
    return {.reply = PrepareReply{.vote = std::move(*elsewhere)}};
  }
  AcceptorState next = StateFor(request.header);
  PrepareReply reply{.vote = {.header = request.header, .ballot = request.ballot}};
  if (request.ballot < next.promised) {
    reply.vote.verdict = Verdict::kRefused;
    reply.vote.promised = next.promised;
    return {.reply = std::move(reply)};
  }
  reply.accepted_ballot = next.accepted_ballot;
  reply.accepted = next.accepted;
  if (request.ballot == next.promised) return {.reply = std::move(reply)};
  next.promised = request.ballot;
  return Conclude(mutations_.promise_not_saved, std::move(next), std::move(reply));
}

AcceptorAnswer RegisterAcceptor::Handle(const SharedState& committed,
                                        const AcceptRequest& request) {
  if (auto elsewhere = CheckPosition(committed, request.header, request.ballot)) {
    return {.reply = AcceptReply{.vote = std::move(*elsewhere)}};
  }
  AcceptorState next = StateFor(request.header);
  AcceptReply reply{.vote = {.header = request.header, .ballot = request.ballot}};
  if (request.ballot < next.promised) {
    reply.vote.verdict = Verdict::kRefused;
    reply.vote.promised = next.promised;
    return {.reply = std::move(reply)};
  }
  if (request.ballot == next.accepted_ballot && next.accepted &&
      next.accepted.hash == request.value.hash) {
    return {.reply = std::move(reply)};
  }
  if (!mutations_.no_slot_check && !ValidateStep(*committed, *request.value).ok()) {
    reply.vote.verdict = Verdict::kInvalid;
    return {.reply = std::move(reply)};
  }
  next.promised = request.ballot;
  next.accepted_ballot = request.ballot;
  next.accepted = request.value;
  return Conclude(mutations_.accept_not_saved, std::move(next), std::move(reply));
}

Ballot RegisterAcceptor::PromisedAfter(const SharedState& committed) const {
  return StateFor(HeaderAfter(committed)).promised;
}

}  // namespace carillon
