#include "server/node/ring_control.h"

#include "base/check.h"

namespace carillon {
namespace {

StateStamp StampOf(const SharedState& state) {
  return {.generation = state->generation, .version = state->version, .hash = state.hash};
}

// Whether a message shows that its sender has looked for a newer state for us.
bool BringsState(const RegisterMessage& message) {
  return std::holds_alternative<FetchStateReply>(message) ||
         std::holds_alternative<StateNotice>(message);
}

}  // namespace

bool RingControl::TellsOfState(const PeerMessage& message) {
  const auto* of_register = std::get_if<RegisterMessage>(&message);
  return of_register != nullptr && BringsState(*of_register);
}

RingControl::RingControl(const NodeId& self, const BootId& boot, SavedRing saved,
                         const NodeTime& time, const RegisterOptions& register_options,
                         const SwimOptions& swim_options, Random* random)
    : self_(self),
      register_(self, std::move(saved.state), std::move(saved.acceptor), time.wall,
                register_options, random),
      swim_(self, boot, swim_options, random),
      guard_(self, boot.id, std::move(saved.lives), saved.dispute),
      saved_dispute_(saved.dispute) {
  AdoptMembers(time);
  (void)guard_.HandleState(*committed());
}

void RingControl::AdoptMembers(const NodeTime& time) {
  std::vector<SwimMember> members;
  for (const Member& member : committed()->members) {
    members.push_back({.node = member.node, .address = member.address, .life = member.life});
  }
  swim_.SetMembers(time.now, std::move(members));
  swim_.SetState(StampOf(committed()));
}

void RingControl::Start(Outbox* out) {
  if (refused()) {
    out->Do(Alarm{.text = guard_.refusal()});
    return WaitForRuling(out);
  }
  AdoptRuling(out);
  SwimEffects effects;
  swim_.Start(out->scene().time.now, &effects);
  Carry(std::move(effects), out);
}

void RingControl::Propose(std::optional<StateVersion> expected, std::optional<Instant> deadline,
                          StateMaker maker, Done done, Outbox* out) {
  if (refused()) return done({.status = Unavailable("{}", guard_.refusal()), .state = {}}, out);
  const ProposalId id(next_proposal_++);
  proposals_.emplace(id, std::move(done));
  RegisterEffects effects;
  register_.Propose(out->scene().time.now, id, expected, deadline, std::move(maker), &effects);
  Carry(std::move(effects), out);
}

void RingControl::Recover(ClusterState recovered, Done done, Outbox* out) {
  if (refused()) return done({.status = Unavailable("{}", guard_.refusal()), .state = {}}, out);
  const ProposalId id(next_proposal_++);
  proposals_.emplace(id, std::move(done));
  RegisterEffects effects;
  register_.Recover(id, std::move(recovered), &effects);
  Carry(std::move(effects), out);
}

void RingControl::HandleMessage(const NodeId& from, RegisterMessage message, Outbox* out) {
  if (refused() && !BringsState(message)) return;
  heard_state_ = heard_state_ || BringsState(message);
  RegisterEffects effects;
  register_.Handle(out->scene().time.now, from, std::move(message), &effects);
  Carry(std::move(effects), out);
}

void RingControl::HandleGossip(const GossipMessage& message, Outbox* out) {
  if (refused()) return;
  SwimEffects effects;
  swim_.HandlePacket(out->scene().time.now, message, &effects);
  Carry(std::move(effects), out);
}

void RingControl::Handle(const SavedDone& done, Outbox* out) {
  if (saving_dispute_ == done.operation) {
    saving_dispute_.reset();
    if (done.status.ok()) saved_dispute_ = saving_as_;
    // After a failed one: again when it is time.
    if (done.status.ok()) return SaveWhatIsDue(out);
    if (save_next_) Do(*std::exchange(save_next_, std::nullopt), out);
    if (!wait_until_) wait_until_ = out->scene().time.now + std::chrono::seconds(5);
    return;
  }
  if (saving_ != done.operation) return;
  saving_.reset();
  SaveWhatIsDue(out);
  RegisterEffects effects;
  register_.HandleSaved(out->scene().time.now, out->scene().time.wall, done.status, &effects);
  Carry(std::move(effects), out);
}

void RingControl::Handle(const PeerReplied& replied, Outbox* out) {
  const auto found = probes_.find(replied.operation);
  if (found == probes_.end()) return;
  const Probe probe = found->second;
  probes_.erase(found);
  const Instant now = out->scene().time.now;
  const bool ok = replied.reply.status.ok();
  SwimEffects effects;
  if (probe.data_path) {
    swim_.HandleDataPath(now, probe.node, ok, now - probe.began, &effects);
  } else {
    swim_.HandleRpcProbe(now, probe.node, probe.sequence, ok, &effects);
  }
  Carry(std::move(effects), out);
}

void RingControl::HandleRequestOutcome(const NodeId& node, bool ok, Duration latency, Outbox* out) {
  SwimEffects effects;
  swim_.HandleDataPath(out->scene().time.now, node, ok, latency, &effects);
  Carry(std::move(effects), out);
}

void RingControl::Tick(Outbox* out) {
  const Instant now = out->scene().time.now;
  if (!refused()) {
    SwimEffects packets;
    swim_.Tick(now, &packets);
    Carry(std::move(packets), out);
  }
  if (wait_until_ && now >= *wait_until_) WaitForRuling(out);
  RegisterEffects effects;
  register_.Tick(now, &effects);
  Carry(std::move(effects), out);
}

std::optional<Instant> RingControl::Deadline() const {
  std::optional<Instant> first = register_.Deadline();
  for (const auto& next : {refused() ? std::nullopt : swim_.Deadline(), wait_until_}) {
    if (next) first = first ? std::min(*first, *next) : *next;
  }
  return first;
}

void RingControl::AskForState(const PeerSender& sender, Outbox* out) {
  // It may be here and not in force yet.
  if (std::pair(sender.generation, sender.version) <=
      std::pair(committed()->generation, committed()->version)) {
    return;
  }
  Do(StateSeen{.from = sender.node,
               .state = {.generation = sender.generation, .version = sender.version, .hash = {}}},
     out);
}

void RingControl::AskForNewerState(Outbox* out) {
  for (const NodeId& voter : VotersOf(*committed())) {
    if (voter == self_) continue;
    Do(SendRegister{.to = voter, .message = FetchStateRequest{.header = HeaderAfter(committed())}},
       out);
  }
}

void RingControl::Carry(RegisterEffects effects, Outbox* out) {
  for (RegisterEffect& effect : effects) {
    std::visit([&](auto&& one) { Do(std::move(one), out); }, std::move(effect));
  }
}

void RingControl::Carry(SwimEffects effects, Outbox* out) {
  for (SwimEffect& effect : effects) {
    std::visit([&](auto&& one) { Do(std::move(one), out); }, std::move(effect));
  }
}

void RingControl::Do(SendRegister effect, Outbox* out) {
  if (effect.to == self_) return HandleMessage(self_, std::move(effect.message), out);
  if (refused() && !std::holds_alternative<FetchStateRequest>(effect.message)) return;
  out->Ask(effect.to, std::move(effect.message));
}

void RingControl::Do(SaveRegister effect, Outbox* out) {
  if (saving_dispute_) {
    save_next_ = std::move(effect);
    return;
  }
  CHECK(!saving_);
  saving_ = out->Begin();
  std::visit(
      [&](auto&& what) {
        out->Do(SaveRing{.operation = *saving_, .what = std::forward<decltype(what)>(what)});
      },
      std::move(effect.what));
}

void RingControl::Do(StateInForce /*effect*/, Outbox* out) {
  new_state_ = true;
  AdoptMembers(out->scene().time);
  AdoptRuling(out);
}

void RingControl::Do(ProposalAnswer effect, Outbox* out) {
  const auto found = proposals_.find(effect.proposal);
  if (found == proposals_.end()) return;
  const Done done = std::move(found->second);
  proposals_.erase(found);
  done({.status = std::move(effect.status), .state = std::move(effect.state)}, out);
}

void RingControl::Do(RegisterAlarm effect, Outbox* out) {
  out->Do(Alarm{.text = std::move(effect.text)});
}

void RingControl::Do(SendPacket effect, Outbox* out) {
  out->Do(SendGossip{.address = std::move(effect.address), .message = std::move(effect.message)});
}

void RingControl::Do(const StatusChanged& effect, Outbox* /*out*/) {
  reachability_.SetDead(effect.node,
                        effect.liveness == Liveness::kDead || effect.liveness == Liveness::kLeft);
}

void RingControl::Do(const DataPathChanged& effect, Outbox* /*out*/) {
  reachability_.SetDegraded(effect.node, !effect.ok);
}

void RingControl::Do(const ProbeByRpc& effect, Outbox* out) {
  const OperationId operation = out->Ask(effect.node, EchoRequest{});
  probes_.emplace(operation, Probe{.node = effect.node,
                                   .sequence = effect.sequence,
                                   .data_path = false,
                                   .began = out->scene().time.now});
}

void RingControl::Do(const ProbeDataPath& effect, Outbox* out) {
  const OperationId operation =
      out->Ask(effect.node, EchoRequest{.payload = Bytes(kDataPathBytes, '\0')});
  probes_.emplace(
      operation,
      Probe{.node = effect.node, .sequence = 0, .data_path = true, .began = out->scene().time.now});
}

void RingControl::Do(const StateSeen& effect, Outbox* out) {
  RegisterEffects effects;
  register_.HandleSummary(out->scene().time.now, effect.from,
                          {.cluster = committed()->cluster,
                           .generation = effect.state.generation,
                           .version = effect.state.version,
                           .hash = effect.state.hash},
                          &effects);
  Carry(std::move(effects), out);
}

void RingControl::Do(const WasPaused& /*effect*/, Outbox* /*out*/) {
  paused_ = true;
}

void RingControl::Do(const IdentityConflict& effect, Outbox* out) {
  if (effect.node == self_) return HearOfOther(effect.seen, out);
  duplicates_[effect.node] = out->scene().time.now;
  out->Do(Alarm{.text = fmt::format("two run as node {}", effect.node.value())});
  AskForRuling(effect.node, effect.known, out);
}

}  // namespace carillon
