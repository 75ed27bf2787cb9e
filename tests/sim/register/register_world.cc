#include "tests/sim/register/register_world.h"

#include <algorithm>

#include "ring/register_codec.h"

namespace carillon {
namespace {

constexpr std::uint64_t kMillisecond = 1'000;
constexpr std::uint64_t kStormTime = 2'500 * kMillisecond;
constexpr std::uint64_t kCalmTime = 5'000 * kMillisecond;
constexpr std::size_t kNodes = RegisterNetwork::kMaxNodes;
constexpr WallTime kWall{std::chrono::seconds(1'700'000'000)};

RegisterOptions OptionsFor(const RegisterMutations& mutations) {
  return {.proposer = {.round_timeout = std::chrono::milliseconds(40),
                       .pause_first = std::chrono::milliseconds(15),
                       .pause_most = std::chrono::milliseconds(200),
                       .max_rounds = 6},
          .fetch_interval = std::chrono::milliseconds(50),
          .mutations = mutations};
}

Uuid UuidOf(std::uint8_t kind, std::size_t number) {
  Uuid uuid;
  uuid.bytes[0] = kind;
  uuid.bytes[15] = static_cast<std::uint8_t>(number);
  return uuid;
}

}  // namespace

RegisterWorld::RegisterWorld(std::uint64_t seed, RegisterMutations mutations, bool verbose)
    : random_(seed), mutations_(mutations), verbose_(verbose), network_(&random_), nodes_(kNodes) {
  for (std::size_t i = 0; i < kNodes; ++i) nodes_[i].id = NodeId(UuidOf(2, i + 1));
  const SharedState first = FirstMembers();
  checker_.emplace(first, kNodes);
  for (std::size_t i = 0; i < kNodes; ++i) {
    if (first->IndexOf(nodes_[i].id)) nodes_[i].saved = first;
    if (nodes_[i].saved) Start(i);
    Schedule(random_.Below(100 * kMillisecond),
             {.kind = Kind::kGossip, .node = static_cast<std::uint8_t>(i)});
  }
  fault_interval_ = (20 + random_.Below(300)) * kMillisecond;
  crash_one_in_ = random_.OneIn(2) ? 0 : 5 + random_.Below(60);
  Schedule(random_.Below(20 * kMillisecond), {.kind = Kind::kPropose});
  Schedule(random_.Below(fault_interval_), {.kind = Kind::kFault});
}

// The first node owns all partitions, and stays: the others are free to come and go.
SharedState RegisterWorld::FirstMembers() {
  ClusterState state =
      FirstState(UuidOf(1, 1), {.node = nodes_[0].id, .name = "n0"}, kMinPartitionBits);
  const std::size_t others = 1 + random_.Below(5);
  for (std::size_t i = 1; i <= others; ++i) {
    state.members.push_back({.node = nodes_[i].id, .name = fmt::format("n{}", i)});
  }
  return Share(std::move(state));
}

SimResult RegisterWorld::Run() {
  RunUntil(kStormTime);
  calm_ = true;
  network_.StopFaults();
  for (std::size_t i = 0; i < kNodes; ++i) {
    if (nodes_[i].saved && !nodes_[i].reg) Start(i);
  }
  CheckProgress();
  if (checker_->violations().empty()) checker_->Finish();
  SimResult result{.trace_hash = trace_, .violations = checker_->violations()};
  result.counts = {{"steps", steps_},
                   {"versions", checker_->versions()},
                   {"done", checker_->CountOf(ProposalAnswer::Fate::kDone)},
                   {"not done", checker_->CountOf(ProposalAnswer::Fate::kNotDone)},
                   {"unknown", checker_->CountOf(ProposalAnswer::Fate::kUnknown)},
                   {"crashes", crashes_}};
  return result;
}

// A change may be too early once or twice: old proposals end, new voters get their first state.
void RegisterWorld::CheckProgress() {
  ProposalId last;
  for (int attempt = 0; attempt < 3; ++attempt) {
    if (!checker_->violations().empty()) return;
    last = ProposalId(proposals_ + 1);
    Propose(0, std::nullopt,
            [last](const ClusterState& state) { return NextVersionOf(state, NoteOf(last)); });
    const std::uint64_t limit = now_ + kCalmTime;
    while (now_ < limit && !(checker_->AnswerOf(last) && WhoIsBehind().empty())) {
      RunUntil(now_ + 20 * kMillisecond);
    }
    if (const auto* answer = checker_->AnswerOf(last); answer && answer->status.ok()) break;
  }
  if (!checker_->violations().empty()) return;
  if (const auto* answer = checker_->AnswerOf(last); answer == nullptr || !answer->status.ok()) {
    checker_->Complain(fmt::format("all faults are over, and a change does not succeed: {}",
                                   answer ? ToString(answer->status) : "no answer"));
  }
  if (const std::string behind = WhoIsBehind(); !behind.empty()) {
    checker_->Complain(fmt::format("all faults are over, and {} has not heard of version {}",
                                   behind, checker_->newest()->version));
  }
}

// A member's name; empty: all have the newest state.
std::string RegisterWorld::WhoIsBehind() const {
  for (const Member& member : checker_->newest()->members) {
    const Node& node = nodes_[*IndexOf(member.node)];
    if (!node.reg || node.reg->committed().hash != checker_->newest().hash) return member.name;
  }
  return "";
}

void RegisterWorld::Schedule(std::uint64_t delay, Event event) {
  event.time = now_ + delay;
  event.order = ++order_;
  events_.push(event);
}

void RegisterWorld::RunUntil(std::uint64_t time) {
  while (!events_.empty() && events_.top().time <= time && checker_->violations().empty()) {
    const Event event = events_.top();
    events_.pop();
    now_ = event.time;
    ++steps_;
    Carry(event);
    Trace(event);
  }
  now_ = time;
}

void RegisterWorld::Carry(const Event& event) {
  Node& node = nodes_[event.node];
  const bool is_alive = node.reg && event.incarnation == node.incarnation;
  switch (event.kind) {
    case Kind::kParcel: {
      Parcel parcel = std::move(parcels_[event.parcel]);
      free_parcels_.push_back(event.parcel);
      Deliver(event.node, event.from, std::move(parcel));
      break;
    }
    case Kind::kSaved:
      if (is_alive) EndSave(event.node);
      break;
    case Kind::kTick:
      if (!is_alive || node.tick_at != event.time) break;
      node.tick_at = 0;
      Step(event.node, [&](RingRegister& reg, auto* effects) { reg.Tick(Now(), effects); });
      break;
    case Kind::kGossip:
      Gossip(event.node);
      break;
    case Kind::kCrash:
      if (is_alive && !calm_) Crash(event.node);
      break;
    case Kind::kRestart:
      if (!node.reg && node.saved) Start(event.node);
      break;
    case Kind::kPropose:
      ProposeSomething();
      break;
    case Kind::kFault:
      DoFault();
      break;
  }
}

void RegisterWorld::Trace(const Event& event) {
  const Node& node = nodes_[event.node];
  const std::uint64_t version = node.reg ? node.reg->committed()->version.value() : 0;
  const std::uint64_t hash = node.reg ? node.reg->committed().hash.low : 0;
  const auto mix = [this](std::uint64_t word) {
    trace_ = (trace_ ^ word) * 0x9e3779b97f4a7c15;
    trace_ ^= trace_ >> 29;
  };
  mix(event.time);
  mix(static_cast<std::uint64_t>(event.kind) << 16 | std::uint64_t{event.node} << 8 | event.from);
  mix(version);
  mix(hash);
  if (!verbose_) return;
  static constexpr std::string_view kKinds[] = {"parcel", "saved",   "tick",    "gossip",
                                                "crash",  "restart", "propose", "fault"};
  fmt::print(stderr, "{:>9} us  {:<8} node {} from {}  version {}\n", event.time,
             kKinds[static_cast<std::size_t>(event.kind)], event.node, event.from, version);
}

std::optional<std::size_t> RegisterWorld::IndexOf(const NodeId& id) const {
  for (std::size_t i = 0; i < kNodes; ++i) {
    if (nodes_[i].id == id) return i;
  }
  return std::nullopt;
}

template <typename Input>
void RegisterWorld::Step(std::size_t number, Input input) {
  RegisterEffects effects;
  input(*nodes_[number].reg, &effects);
  ObserveVote(number);
  for (RegisterEffect& effect : effects) {
    std::visit([&](auto& kind) { Perform(number, std::move(kind)); }, effect);
  }
  Node& node = nodes_[number];
  const auto deadline = node.reg->Deadline();
  if (!deadline) {
    node.tick_at = 0;
    return;
  }
  const auto at = static_cast<std::uint64_t>(
      std::chrono::ceil<std::chrono::microseconds>(deadline->time_since_epoch()).count());
  if (at == node.tick_at) return;
  node.tick_at = std::max(at, now_ + 1);
  Schedule(node.tick_at - now_, {.kind = Kind::kTick,
                                 .node = static_cast<std::uint8_t>(number),
                                 .incarnation = node.incarnation});
}

void RegisterWorld::ObserveVote(std::size_t number) {
  Node& node = nodes_[number];
  const AcceptorState& state = node.reg->acceptor().state();
  if (state.slot == node.seen_slot && state.accepted_ballot == node.seen_ballot) return;
  node.seen_slot = state.slot;
  node.seen_ballot = state.accepted_ballot;
  checker_->HandleVote(number, node.id, state);
}

void RegisterWorld::Perform(std::size_t node, SendRegister effect) {
  const bool is_vote = std::holds_alternative<PrepareReply>(effect.message) ||
                       std::holds_alternative<AcceptReply>(effect.message);
  if (is_vote && crash_one_in_ != 0 && !calm_ && random_.OneIn(crash_one_in_)) {
    Schedule(random_.Below(2 * kMillisecond), {.kind = Kind::kCrash,
                                               .node = static_cast<std::uint8_t>(node),
                                               .incarnation = nodes_[node].incarnation});
  }
  if (const auto to = IndexOf(effect.to)) Post(node, *to, Parcel(std::move(effect.message)));
}

void RegisterWorld::Perform(std::size_t number, SaveRegister effect) {
  Node& node = nodes_[number];
  if (node.saving) checker_->Complain("two saves at once");
  node.saving = std::move(effect);
  Schedule(100 + random_.Below(random_.OneIn(8) ? 60'000 : 4'000),
           {.kind = Kind::kSaved,
            .node = static_cast<std::uint8_t>(number),
            .incarnation = node.incarnation});
}

void RegisterWorld::Perform(std::size_t node, StateInForce effect) {
  checker_->HandleInForce(node, effect.state);
}

void RegisterWorld::Perform(std::size_t, ProposalAnswer effect) {
  checker_->HandleAnswer(effect);
}

void RegisterWorld::Perform(std::size_t node, RegisterAlarm effect) {
  checker_->Complain(fmt::format("alarm at node {}: {}", node, effect.text));
}

std::uint32_t RegisterWorld::Store(Parcel parcel) {
  if (free_parcels_.empty()) {
    parcels_.push_back(std::move(parcel));
    return static_cast<std::uint32_t>(parcels_.size() - 1);
  }
  const std::uint32_t place = free_parcels_.back();
  free_parcels_.pop_back();
  parcels_[place] = std::move(parcel);
  return place;
}

void RegisterWorld::Post(std::size_t from, std::size_t to, const Parcel& parcel) {
  do {
    const auto delay = network_.Delay(from, to);
    if (!delay) continue;
    Schedule(*delay, {.kind = Kind::kParcel,
                      .node = static_cast<std::uint8_t>(to),
                      .from = static_cast<std::uint8_t>(from),
                      .parcel = Store(parcel)});
  } while (network_.Repeats());
}

void RegisterWorld::Deliver(std::size_t number, std::size_t from, Parcel parcel) {
  Node& node = nodes_[number];
  const NodeId sender = nodes_[from].id;
  if (const auto* summary = std::get_if<StateSummary>(&parcel)) {
    if (!node.reg) return;
    return Step(number, [&](RingRegister& reg, auto* effects) {
      reg.HandleSummary(Now(), sender, *summary, effects);
    });
  }
  auto& message = std::get<RegisterMessage>(parcel);
  if (random_.OneIn(128)) {  // as bytes
    auto decoded = DecodeRegisterMessage(EncodeRegisterMessage(message));
    if (!decoded.ok()) return checker_->Complain(ToString(decoded.status()));
    message = *std::move(decoded);
  }
  if (!node.reg && !node.saved) {  // a new node is given its first state
    const auto* notice = std::get_if<StateNotice>(&message);
    if (notice == nullptr || !notice->state->IndexOf(node.id)) return;
    node.saved = notice->state;
    return Start(number);
  }
  if (!node.reg) return;
  Step(number, [&](RingRegister& reg, auto* effects) {
    reg.Handle(Now(), sender, std::move(message), effects);
  });
}

void RegisterWorld::Gossip(std::size_t number) {
  const Node& node = nodes_[number];
  Schedule((calm_ ? 20 + random_.Below(40) : 50 + random_.Below(300)) * kMillisecond,
           {.kind = Kind::kGossip, .node = static_cast<std::uint8_t>(number)});
  const std::size_t to = random_.Below(kNodes);
  if (!node.reg || to == number) return;
  if (!nodes_[to].saved && node.reg->committed()->IndexOf(nodes_[to].id)) {
    const SharedState& state = node.reg->committed();  // a new member that missed the notice
    return Post(number, to,
                RegisterMessage(StateNotice{.header = HeaderAfter(state), .state = state}));
  }
  Post(number, to, SummaryOf(node.reg->committed()));
}

void RegisterWorld::Start(std::size_t number) {
  Node& node = nodes_[number];
  if (auto acceptor = DecodeAcceptorState(EncodeAcceptorState(node.saved_acceptor));
      acceptor.ok()) {
    node.saved_acceptor = *std::move(acceptor);
  } else {
    checker_->Complain(ToString(acceptor.status()));
  }
  checker_->HandleRestart(number, node.saved);
  node.reg = std::make_unique<RingRegister>(node.id, node.saved, node.saved_acceptor, kWall,
                                            OptionsFor(mutations_), &random_);
}

void RegisterWorld::EndSave(std::size_t number) {
  Node& node = nodes_[number];
  const bool fails = !calm_ && random_.OneIn(200);
  const SaveRegister save = *std::exchange(node.saving, std::nullopt);
  if (!fails || random_.OneIn(2)) {
    if (const auto* acceptor = std::get_if<AcceptorState>(&save.what)) {
      node.saved_acceptor = *acceptor;
    } else {
      node.saved = std::get<SharedState>(save.what);
    }
  }
  Step(number, [&](RingRegister& reg, auto* effects) {
    reg.HandleSaved(Now(), kWall, fails ? Unavailable("the disk failed") : OkStatus(), effects);
  });
}

// A save under way may have reached the disk, or not.
void RegisterWorld::Crash(std::size_t number) {
  Node& node = nodes_[number];
  if (!node.reg) return;
  ++crashes_;
  if (node.saving && random_.OneIn(2)) {
    if (const auto* acceptor = std::get_if<AcceptorState>(&node.saving->what)) {
      node.saved_acceptor = *acceptor;
    } else {
      node.saved = std::get<SharedState>(node.saving->what);
    }
  }
  if (mutations_.voter_forgets && random_.OneIn(3)) node.saved_acceptor = {};
  node.saving.reset();
  node.reg.reset();
  node.tick_at = 0;
  ++node.incarnation;
  const std::uint64_t down = random_.OneIn(4) ? 800 * kMillisecond : 3 * kMillisecond;
  Schedule(random_.Below(down),
           {.kind = Kind::kRestart, .node = static_cast<std::uint8_t>(number)});
}

void RegisterWorld::DoFault() {
  if (calm_) return;
  Schedule(random_.Below(fault_interval_) + 1, {.kind = Kind::kFault});
  switch (random_.Below(8)) {
    case 0:
      return network_.Split();
    case 1:
      return network_.CutOneWay();
    case 2:
    case 3:
      return network_.Heal();
    case 4: {  // many at once
      const std::uint64_t which = random_.Next();
      for (std::size_t i = 0; i < kNodes; ++i) {
        if ((which >> i) & 1) Crash(i);
      }
      return;
    }
    default:
      return Crash(random_.Below(kNodes));
  }
}

void RegisterWorld::ProposeSomething() {
  if (calm_) return;
  Schedule((random_.OneIn(2) ? 10 : 200) * random_.Below(kMillisecond) + 1,
           {.kind = Kind::kPropose});
  const std::size_t admins = 1 + random_.Below(3);
  for (std::size_t i = 0; i < admins; ++i) {
    const std::size_t node = random_.Below(kNodes);
    if (!nodes_[node].reg) continue;
    std::optional<StateVersion> expected;
    if (random_.OneIn(2)) expected = nodes_[node].reg->committed()->version;
    Propose(node, expected, RandomMaker());
  }
}

void RegisterWorld::Propose(std::size_t node, std::optional<StateVersion> expected,
                            StateMaker maker) {
  const ProposalId id(++proposals_);
  checker_->HandleProposed(id, expected);
  Step(node, [&](RingRegister& reg, auto* effects) {
    reg.Propose(Now(), id, expected, std::nullopt, std::move(maker), effects);
  });
}

namespace {

// A stranger becomes a member, a joining one normal, a normal one leaves, at once or slowly.
void Toggle(ClusterState* state, const NodeId& node, std::size_t number, bool slowly) {
  const auto index = state->IndexOf(node);
  if (!index) {
    const auto at = std::find_if(state->members.begin(), state->members.end(),
                                 [&](const Member& member) { return node < member.node; });
    state->members.insert(at, {.node = node,
                               .name = fmt::format("n{}", number),
                               .role = slowly ? MemberRole::kJoining : MemberRole::kNormal});
    return;
  }
  Member& member = state->members[*index];
  if (member.role == MemberRole::kJoining) {
    member.role = MemberRole::kNormal;
  } else if (member.role == MemberRole::kNormal && slowly) {
    member.role = MemberRole::kLeaving;
  } else {
    state->members.erase(state->members.begin() + *index);
  }
}

}  // namespace

StateMaker RegisterWorld::RandomMaker() {
  const ProposalId id(proposals_ + 1);
  std::vector<std::pair<std::size_t, NodeId>> toggled;
  const std::size_t count = random_.OneIn(2) ? 0 : 1 + random_.Below(3);
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t number = 1 + random_.Below(kNodes - 1);
    toggled.emplace_back(number, nodes_[number].id);
  }
  const bool slowly = random_.OneIn(2);
  return [id, toggled, slowly](const ClusterState& state) -> StatusOr<ClusterState> {
    ClusterState next = NextVersionOf(state, NoteOf(id));
    for (const auto& [number, node] : toggled) Toggle(&next, node, number, slowly);
    return next;
  };
}

}  // namespace carillon
