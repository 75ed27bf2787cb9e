// The ring: changes that admins and members ask for, and what a change sets in motion.
#include <algorithm>

#include "ring/bucket_change.h"
#include "ring/change_plan.h"
#include "ring/force_recover.h"
#include "ring/ownership.h"
#include "ring/settling.h"
#include "ring/staging.h"
#include "server/node/node.h"
#include "server/node/node_run.h"

namespace carillon {
namespace {

constexpr Duration kDriveTurn = std::chrono::seconds(3);
constexpr Duration kDriveSoon = std::chrono::milliseconds(50);
constexpr Duration kRetry = std::chrono::seconds(1);
constexpr Duration kRenumberAgain = std::chrono::seconds(5);
constexpr Duration kHoldAtMost = std::chrono::seconds(1);

}  // namespace

void Node::Handle(CreateBucketInput input) {
  Outbox out = OutboxOf(kRing);
  const RequestId request = input.request;
  ring_.Propose(
      std::nullopt, input.deadline,
      [name = input.name, properties = input.properties](const ClusterState& state) {
        return WithNewBucket(state, name, properties);
      },
      [this, request, name = input.name](const RingControl::Outcome& outcome, Outbox*) {
        AnswerBucket(request, name, outcome);
      },
      &out);
}

void Node::Handle(SetBucketInput input) {
  Outbox out = OutboxOf(kRing);
  const RequestId request = input.request;
  ring_.Propose(
      std::nullopt, input.deadline,
      [name = input.name, change = input.change](const ClusterState& state) {
        return WithBucketChanged(state, name, change);
      },
      [this, request, name = input.name](const RingControl::Outcome& outcome, Outbox*) {
        AnswerBucket(request, name, outcome);
      },
      &out);
}

void Node::AnswerBucket(RequestId request, const std::string& name,
                        const RingControl::Outcome& outcome) {
  if (!outcome.status.ok()) return Refuse(request, outcome.status);
  const BucketProperties* bucket = outcome.state->FindBucket(name);
  if (bucket == nullptr) return Refuse(request, NotFound("bucket {} is gone", name));
  effects_->push_back(Answer{.request = request,
                             .status = OkStatus(),
                             .value = BucketAnswer{.name = name, .properties = *bucket},
                             .version = outcome.state->version});
}

void Node::AnswerRing(RequestId request, const RingControl::Outcome& outcome,
                      std::shared_ptr<const ChangePlan> plan, std::vector<PartitionId> lost) {
  if (!outcome.status.ok()) return Refuse(request, outcome.status);
  effects_->push_back(Answer{
      .request = request,
      .status = OkStatus(),
      .value = RingAnswer{.state = outcome.state, .plan = std::move(plan), .lost = std::move(lost)},
      .version = outcome.state->version});
}

void Node::Handle(RingChangeInput input) {
  Outbox out = OutboxOf(kRing);
  const RequestId request = input.request;
  ring_.Propose(
      input.expected, input.deadline, std::move(input.change),
      [this, request](const RingControl::Outcome& outcome, Outbox*) {
        AnswerRing(request, outcome, nullptr);
      },
      &out);
}

void Node::Handle(PlanInput input) {
  const RequestId request = input.request;
  Begin(request, PlanSizes(std::move(input)));
}

// With what was heard of sizes.
void Node::MakePlanOf(PlanInput input) {
  const RequestId request = input.request;
  auto made = MakePlan(*state_, input.facts);
  if (!made.ok()) return Refuse(request, made.status());
  const auto plan = std::make_shared<const ChangePlan>(*std::move(made));
  if (!input.save) return AnswerRing(request, {.status = OkStatus(), .state = state_}, plan);
  Outbox out = OutboxOf(kRing);
  ring_.Propose(
      state_->version, input.deadline,
      [plan, id = input.id](const ClusterState& state) { return WithPlanSaved(state, *plan, id); },
      [this, request, plan](const RingControl::Outcome& outcome, Outbox*) {
        AnswerRing(request, outcome, plan);
      },
      &out);
}

void Node::Handle(RecoverInput input) {
  Outbox out = OutboxOf(kRing);
  const RequestId request = input.request;
  auto recovered = ForceRecover(*state_, input.survivors, input.change);
  if (!recovered.ok()) return Refuse(request, recovered.status());
  ring_.Recover(
      std::move(recovered->state),
      [this, request, lost = recovered->lost](const RingControl::Outcome& outcome, Outbox*) {
        AnswerRing(request, outcome, nullptr, lost);
      },
      &out);
}

void Node::Handle(RepairInput input) {
  schedule_.WantAntiEntropyNow(scene_);
  AnswerRing(input.request, {.status = OkStatus(), .state = state_}, nullptr);
}

void Node::Handle(SavedDone done) {
  const auto owner = operations_.End(done.operation);
  if (!owner) return;
  Outbox out = OutboxOf(kRing);
  ring_.Handle(done, &out);
}

void Node::Handle(StartInput /*input*/) {
  Outbox out = OutboxOf(kRing);
  ring_.Start(&out);
  drive_at_ = ready_at_ = scene_.time.now;
  if (scene_.self != kNoMember) schedule_.HandleNewState(scene_);
  Begin(kHandoff, Handoff());
  if (!options_.address.empty()) tell_address_at_ = scene_.time.now;
}

void Node::Handle(TickInput /*input*/) {
  const Instant now = scene_.time.now;
  Outbox out = OutboxOf(kRing);
  ring_.Tick(&out);
  if (IsActive()) schedule_.Tick(scene_);
  std::vector<RequestId> due;
  while (!alarms_.empty() && alarms_.begin()->first <= now) {
    due.push_back(alarms_.begin()->second);
    alarms_.erase(alarms_.begin());
  }
  for (const RequestId request : due) {
    Run(request, [](auto& coordinator, Outbox* to) {
      if constexpr (requires { coordinator.HandleTime(to); }) coordinator.HandleTime(to);
    });
  }
  if (!behind_.empty() && now >= behind_until_) {
    for (const PeerRequest& request : std::exchange(behind_, {})) {
      Reply(request.request, Unavailable("this node has not heard of the newer ring yet"), {});
    }
  }
}

std::optional<Instant> Node::Deadline() const {
  std::optional<Instant> first = ring_.Deadline();
  const auto consider = [&first](Instant at) { first = first ? std::min(*first, at) : at; };
  if (!alarms_.empty()) consider(alarms_.begin()->first);
  if (IsActive()) {
    consider(schedule_.Deadline());
    if (drive_at_ && !driving_) consider(*drive_at_);
    if (ready_at_ && !saying_ready_) consider(*ready_at_);
    if (tell_address_at_) consider(*tell_address_at_);
  }
  if (hold_until_) consider(*hold_until_);
  if (renumber_at_) consider(*renumber_at_);
  if (!behind_.empty()) consider(behind_until_);
  return first;
}

// What every step ends with.
void Node::AfterStep() {
  while (ring_.TakeNewState()) AdoptState();
  if (renumber_at_ && scene_.time.now >= *renumber_at_) AdoptState();
  if (ring_.TakePaused() && VotersOf(*state_).size() > 1) {
    hold_until_ = scene_.time.now + kHoldAtMost;
    Outbox out = OutboxOf(kRing);
    (void)ring_.TakeHeardState();  // from before the pause was noticed
    ring_.AskForNewerState(&out);
  }
  if (hold_until_ && (ring_.TakeHeardState() || scene_.time.now >= *hold_until_)) Release();
  if (IsActive()) {
    RunPulls();
    SayReady();
    DriveRing();
    TellAddress();
  }
  for (const auto& [when, request] : wakes_) alarms_.emplace(when, request);
  wakes_.clear();
}

// A state with other partitions is in force here when the store has them: until then this node goes
// on under the older one, by which the others refuse what it asks.
void Node::AdoptState() {
  if (renumbering_) return;
  const std::uint32_t bits = ring_.committed()->partition_bits;
  if (bits != store_bits_) return Renumber(bits);
  renumber_at_.reset();
  if (bits != state_->partition_bits) ForgetNumbers();
  const SharedState before = std::exchange(state_, ring_.committed());
  ForgetKnownAddresses(*before);
  // A change that was decided late may say where this node was once.
  if (!options_.address.empty() && !telling_address_) tell_address_at_ = scene_.time.now;
  state_since_ = scene_.time.now;
  drive_at_ = scene_.time.now + kDriveSoon;
  ready_at_ = scene_.time.now;
  RefreshScene(NodeTime(scene_.time));
  if (scene_.self != kNoMember) schedule_.HandleNewState(scene_);
  std::vector<std::uint64_t> requests;
  for (const auto& [request, coordinator] : coordinators_) requests.push_back(request);
  std::sort(requests.begin(), requests.end());
  if (!options_.mutations.ack_after_fence && !options_.mutations.no_fence) {
    RefuseOvertaken(requests);
  }
  for (const std::uint64_t request : requests) {
    Run(RequestId(request), [](auto& coordinator, Outbox* out) {
      if constexpr (requires { coordinator.HandleNewState(out); }) coordinator.HandleNewState(out);
    });
  }
  for (PeerRequest& request : std::exchange(behind_, {})) Handle(std::move(request));
}

void Node::Renumber(std::uint32_t partition_bits) {
  renumber_at_.reset();
  Outbox out = OutboxOf(kRing);
  renumbering_ = RenumberStore{.operation = out.Begin(), .partition_bits = partition_bits};
  out.Do(*renumbering_);
}

void Node::Handle(RenumberDone done) {
  if (!operations_.End(done.operation) || !renumbering_ ||
      renumbering_->operation != done.operation) {
    return;
  }
  const std::uint32_t bits = renumbering_->partition_bits;
  renumbering_.reset();
  if (done.status.ok()) {
    store_bits_ = bits;
    return AdoptState();
  }
  store_bits_.reset();  // it may be half done
  renumber_at_ = scene_.time.now + kRenumberAgain;
  effects_->push_back(Alarm{.text = fmt::format("2^{} partitions cannot be made of 2^{}: {}", bits,
                                                state_->partition_bits, ToString(done.status))});
}

// Ends what goes by the numbers of partitions that are no more.
void Node::ForgetNumbers() {
  operations_.BeginNumbering();
  for (const auto& [request, pull] : pulls_) {
    const auto& progress = std::get<SyncTarget>(coordinators_.at(request.value())).progress();
    counters_.sync_chunks += progress.chunks;
    counters_.sync_bytes += progress.bytes;
    counters_.sync_claims += progress.claims;
    coordinators_.erase(request.value());
  }
  pulls_.clear();
  schedule_.HandleNewNumbers();
  Run(kHandoff, [](auto& coordinator, Outbox* out) {
    if constexpr (requires { coordinator.HandleNewNumbers(out); }) {
      coordinator.HandleNewNumbers(out);
    }
  });
}

void Node::RefuseOvertaken(const std::vector<std::uint64_t>& requests) {
  for (const std::uint64_t request : requests) {
    auto* replica = std::get_if<ReplicaRequest>(&coordinators_.at(request));
    if (replica == nullptr || !replica->IsOvertakenIn(*state_)) continue;
    replica->Abandon();
    ReplyStale(RequestId(request));
  }
}

// Whether an input must wait until the ring is known again: a node that stood still may have
// missed changes, and would serve under a ring that is no more.
bool Node::Holds(const Input& input) const {
  if (!hold_until_ || held_.size() >= options_.max_requests) return false;
  return std::holds_alternative<PutChunkInput>(input) ||
         std::holds_alternative<CommitInput>(input) || std::holds_alternative<ClaimInput>(input) ||
         std::holds_alternative<ListSecondsInput>(input) ||
         std::holds_alternative<GetChunksInput>(input) ||
         std::holds_alternative<CreditInput>(input) ||
         std::holds_alternative<ReadRangeInput>(input);
}

void Node::Release() {
  hold_until_.reset();
  for (Input& input : std::exchange(held_, {})) {
    std::visit([&](auto&& one) { Handle(std::move(one)); }, std::move(input));
  }
}

void Node::RunPulls() {
  while (const auto pull = schedule_.Next(scene_)) {
    const RequestId request = NewInternal();
    pulls_.emplace(request,
                   Running{.key = pull->key, .reason = pull->reason, .began = scene_.time.now});
    Begin(request, SyncTarget(pull->key.partition, pull->key.source, pull->bytes_per_second,
                              pull->reason == SyncReason::kAntiEntropy));
  }
}

// Tells the register which partitions this node has pulled; asks again until the state says so.
void Node::SayReady() {
  if (saying_ready_ || !ready_at_ || scene_.time.now < *ready_at_) return;
  ready_at_.reset();
  for (const Phase phase : {Phase::kDual, Phase::kReadNew}) {
    const std::vector<PartitionId> ready = schedule_.ReadyIn(phase, scene_);
    if (ready.empty()) continue;
    saying_ready_ = true;
    Outbox out = OutboxOf(kRing);
    ring_.Propose(
        std::nullopt, std::nullopt,
        [self = options_.self, ready, phase,
         bits = state_->partition_bits](const ClusterState& state) -> StatusOr<ClusterState> {
          if (state.partition_bits != bits) {
            return FailedPrecondition("the partitions have other numbers now");
          }
          return WithReady(state, self, ready, phase);
        },
        [this](const RingControl::Outcome&, Outbox* done) {
          saying_ready_ = false;
          ready_at_ = done->scene().time.now + kRetry;
        },
        &out);
    return;
  }
  SaySettled();
}

// The same of the rules of buckets that settle.
void Node::SaySettled() {
  if (!schedule_.HasSettled(scene_)) return;
  saying_ready_ = true;
  Outbox out = OutboxOf(kRing);
  ring_.Propose(
      std::nullopt, std::nullopt,
      [self = options_.self, since = state_->settling->since](const ClusterState& state) {
        return WithSettled(state, self, since);
      },
      [this](const RingControl::Outcome&, Outbox* done) {
        saying_ready_ = false;
        ready_at_ = done->scene().time.now + kRetry;
      },
      &out);
}

// Proposes the next step of partitions on the move. The first voter that lives does so at once, the
// others in turn if it does not.
void Node::DriveRing() {
  if (driving_ || !drive_at_ || scene_.time.now < *drive_at_) return;
  drive_at_.reset();
  if (ring_.committed()->partition_bits != state_->partition_bits) {
    drive_at_ = scene_.time.now + kRetry;  // what this node holds is of the old numbers
    return;
  }
  const std::size_t max_moving = options_.max_moving;
  // Who leaves goes by itself, when it has handed off what it held for others.
  const bool leaves = state_->members[scene_.self].role == MemberRole::kLeaving;
  const MayGo may_go = [self = options_.self,
                        is_empty = leaves && handoff().is_empty()](const Member& member) {
    return IsGoneForGood(member) || (is_empty && member.node == self);
  };
  if (!NextStep(*state_, max_moving, may_go)) {
    if (leaves) drive_at_ = scene_.time.now + kRetry;
    return;
  }
  Duration turn{};
  for (const NodeId& voter : VotersOf(*state_)) {
    if (voter == options_.self) break;
    if (!ring_.reachability().IsDead(voter)) turn += kDriveTurn;
  }
  if (scene_.time.now < state_since_ + turn) {
    drive_at_ = state_since_ + turn;
    return;
  }
  driving_ = true;
  Outbox out = OutboxOf(kRing);
  ring_.Propose(
      std::nullopt, std::nullopt,
      [max_moving, may_go](const ClusterState& state) -> StatusOr<ClusterState> {
        auto next = NextStep(state, max_moving, may_go);
        if (!next) return FailedPrecondition("no partition is to be moved");
        return *std::move(next);
      },
      [this](const RingControl::Outcome&, Outbox* done) {
        driving_ = false;
        drive_at_ = done->scene().time.now + kRetry;
      },
      &out);
}

std::vector<Transfer> Node::transfers() const {
  std::vector<Transfer> transfers;
  for (const auto& [request, pull] : pulls_) {
    const auto& target = std::get<SyncTarget>(coordinators_.at(request.value()));
    transfers.push_back({.partition = pull.key.partition,
                         .source = pull.key.source,
                         .reason = pull.reason,
                         .progress = target.progress(),
                         .began = pull.began});
  }
  return transfers;
}

}  // namespace carillon
