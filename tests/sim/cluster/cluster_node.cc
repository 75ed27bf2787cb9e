#include "tests/sim/cluster/cluster_node.h"

#include "base/check.h"
#include "tests/sim/cluster/cluster_peers.h"

namespace carillon {
namespace {

constexpr std::uint64_t kMaxSpins = 200;

Uuid NodeUuid(std::size_t number) {
  Uuid uuid;
  // The order of the ids is not that in which nodes join: the places of members change.
  uuid.bytes[0] = static_cast<std::uint8_t>(number * 37 + 11);
  uuid.bytes[14] = static_cast<std::uint8_t>((number + 1) >> 8);
  uuid.bytes[15] = static_cast<std::uint8_t>(number + 1);
  return uuid;
}

StoreIdentity IdentityOf(std::size_t number) {
  StoreIdentity identity;
  identity.cluster.bytes[0] = 7;
  identity.node = NodeUuid(number);
  return identity;
}

}  // namespace

ClusterNode::ClusterNode(std::size_t number, ClusterShared* shared, ClusterPeers* peers)
    : number_(number),
      id_(NodeUuid(number)),
      shared_(shared),
      peers_(peers),
      machine_(std::make_unique<ClusterMachine>(&shared->events, IdentityOf(number),
                                                shared->seed * 64 + number)) {}

Member ClusterNode::AsMember() const {
  return {
      .node = id_, .name = fmt::format("n{}", number_), .address = fmt::format("n{}:1", number_)};
}

void ClusterNode::Start() {
  CHECK(!node_ && has_cluster());
  if (const Status opened = machine_->Open(); !opened.ok()) {
    return shared_->Complain(fmt::format("node {}: open: {}", number_, ToString(opened)));
  }
  const ClusterSettings& settings = shared_->settings;
  NodeOptions options{.self = id_,
                      .boot = {.counter = machine_->boots, .id = shared_->random.Next() | 1},
                      .random_seed = shared_->random.Next(),
                      .mutations = shared_->mutations.node};
  options.sync.anti_entropy_period = std::chrono::seconds(settings.slow_anti_entropy ? 60 : 8);
  machine_->saved.lives.push_back(options.boot.id);
  const NodeTime time{.now = machine_->clock.Now(), .wall = machine_->clock.WallNow()};
  node_ = std::make_unique<Node>(options, machine_->saved, machine_->Seals(), time);
  paused_until_ = 0;
  shared_->Tell("node {} starts, life {}", number_, machine_->boots);
  Step(StartInput{});
  After(kSecond, [this] { Maintain(); });
}

void ClusterNode::Crash() {
  if (!node_) return;
  shared_->Tell("node {} crashes", number_);
  if (saving_ && shared_->random.OneIn(2)) EndSave();
  saving_.reset();
  node_.reset();
  ++incarnation_;
  work_.clear();
  writing_ = false;
  tick_at_ = 0;
  spins_ = 0;
  paused_until_ = 0;
  peer_asks_.clear();
  static constexpr CrashManner kManners[] = {CrashManner::kKeepNothing, CrashManner::kKeepAll,
                                             CrashManner::kKeepSome};
  machine_->Crash(kManners[shared_->random.Below(3)], &shared_->random);
  for (auto& [request, done] : std::exchange(askers_, {})) {
    shared_->events.After(kMillisecond, [request = request, done = done] {
      done({.request = request, .status = Unavailable("the node crashed"), .value = {}});
    });
  }
  for (auto& [request, stream] : std::exchange(streams_, {})) {
    shared_->events.After(kMillisecond,
                          [stream = stream] { stream.on_end(Unavailable("the node crashed")); });
  }
}

void ClusterNode::After(std::uint64_t delay, EventQueue::Act act) {
  shared_->events.After(delay, [this, incarnation = incarnation_, act = std::move(act)]() mutable {
    Run(incarnation, std::move(act));
  });
}

void ClusterNode::Run(std::uint64_t incarnation, EventQueue::Act act) {
  if (incarnation != incarnation_ || !node_) return;
  if (!is_paused()) return act();
  shared_->events.After(
      paused_until_ - shared_->events.now(),
      [this, incarnation, act = std::move(act)]() mutable { Run(incarnation, std::move(act)); });
}

void ClusterNode::Ask(RequestId request, Input input, AnswerDone done) {
  if (!node_) {
    return done({.request = request, .status = Unavailable("the node is down"), .value = {}});
  }
  askers_.emplace(request, std::move(done));
  After(0, [this, input = std::move(input)]() mutable { Step(std::move(input)); });
}

void ClusterNode::Open(RequestId request, Input input, Stream stream) {
  if (!node_) return stream.on_end(Unavailable("the node is down"));
  streams_.emplace(request, std::move(stream));
  After(0, [this, request, input = std::move(input)]() mutable {
    Step(std::move(input));
    Step(CreditInput{.request = request, .items = 1000});
  });
}

void ClusterNode::HandlePeer(std::uint64_t ask, const PeerSender& sender, PeerMessage message) {
  const RequestId request = NewRequest();
  peer_asks_.emplace(request, ask);
  Step(PeerRequest{.request = request, .sender = sender, .message = std::move(message)});
}

void ClusterNode::Step(Input input) {
  if (!node_) return;
  shared_->Trace(shared_->events.now() * 64 + number_);
  shared_->Trace(input.index());
  if (const auto* replied = std::get_if<PeerReplied>(&input);
      replied != nullptr && !replied->reply.status.ok()) {
    shared_->Tell("node {} hears: {}", number_, ToString(replied->reply.status));
  }
  Effects effects;
  const NodeTime time{.now = machine_->clock.Now(), .wall = machine_->clock.WallNow()};
  const std::uint64_t incarnation = incarnation_;
  node_->Step(time, std::move(input), &effects);
  if (node_->state().version != seen_version_) {
    seen_version_ = node_->state().version;
    shared_->Tell("node {} has version {}: {}", number_, seen_version_, node_->state().note);
    if (auto wrong = shared_->ring.Observe(number_, node_->shared_state())) {
      shared_->Complain(*std::move(wrong));
    }
  }
  for (Effect& effect : effects) {
    if (incarnation != incarnation_) return;
    shared_->Trace(effect.index());
    std::visit([this](auto&& one) { Do(std::move(one)); }, std::move(effect));
  }
  if (incarnation == incarnation_) ArmTick();
}

void ClusterNode::ArmTick() {
  const auto deadline = node_->Deadline();
  if (!deadline) return;
  const auto since =
      std::chrono::ceil<std::chrono::microseconds>(*deadline - machine_->clock.Now());
  if (since.count() > 0) spins_ = 0;
  const std::uint64_t now = shared_->events.now();
  const std::uint64_t at =
      now + static_cast<std::uint64_t>(std::max<std::int64_t>(since.count(), 1));
  if (tick_at_ != 0 && tick_at_ <= at) return;
  tick_at_ = at;
  After(at - now, [this, at] {
    if (tick_at_ != at) return;
    tick_at_ = 0;
    if (++spins_ > kMaxSpins) {
      return shared_->Complain(fmt::format("node {} asks for ticks without end", number_));
    }
    Step(TickInput{});
  });
}

std::uint64_t ClusterNode::DiskDelay() {
  if (shared_->slow_disks && shared_->settings.late_ms != 0) {
    return shared_->random.Below(shared_->settings.late_ms * kMillisecond);
  }
  if (shared_->slow_disks && shared_->random.OneIn(12)) {
    return shared_->random.Below(400 * kMillisecond);
  }
  return 20 + shared_->random.Below(kMillisecond);
}

void ClusterNode::Do(StoreChunk effect) {
  const OperationId operation = effect.operation;
  Queue({.operation = operation, .write = ToWrite(std::move(effect)), .drop = {}});
}

void ClusterNode::Do(StoreCommit effect) {
  const OperationId operation = effect.operation;
  Queue({.operation = operation, .write = ToWrite(std::move(effect)), .drop = {}});
}

// A write for each set: they end together.
void ClusterNode::Do(StoreClaims effect) {
  ReplicaClaims& claims = effect.claims;
  std::uint32_t place = 0;
  for (std::size_t i = 0; i < claims.sets.size(); ++i) {
    const auto count = static_cast<std::uint32_t>(claims.sets[i].claims.size());
    WriteRequest request;
    request.claims = ClaimsWrite{.bucket = claims.bucket,
                                 .mode = claims.mode,
                                 .set = std::move(claims.sets[i]),
                                 .sync = claims.sync};
    Queue({.operation = effect.operation,
           .write = std::move(request),
           .drop = {},
           .place = place,
           .ends_claims = i + 1 == claims.sets.size()});
    place += count;
  }
}

void ClusterNode::Do(DropPartition effect) {
  Queue({.operation = effect.operation, .write = {}, .drop = effect});
}

template <typename Read>
requires requires(const ClusterMachine& machine, const Read& read) {
  machine.Read(read);
}
void ClusterNode::Do(Read effect) {
  After(DiskDelay(), [this, effect = std::move(effect)] { Step(machine_->Read(effect)); });
}

void ClusterNode::Queue(Work work) {
  if (shared_->mutations.ack_before_write && work.write && !work.write->claims) {
    After(20, [this, operation = work.operation] {
      Step(WriteDone{.operation = operation, .status = OkStatus()});
    });
  }
  work_.push_back(std::move(work));
  if (!writing_) StartBatch();
}

void ClusterNode::StartBatch() {
  writing_ = !work_.empty();
  if (!writing_) return;
  const std::uint64_t slow = shared_->settings.slow_writes_ms * kMillisecond;
  const bool is_slow = slow != 0 && shared_->storm && shared_->random.OneIn(4);
  After(DiskDelay() + std::exchange(slow_write_, 0) + (is_slow ? shared_->random.Below(slow) : 0),
        [this] { CarryOutBatch(); });
}

// Whether the machine may stop in the middle of a write.
bool ClusterNode::MayStopWithin() const {
  const ClusterSettings& settings = shared_->settings;
  return shared_->storm && settings.crashes && !settings.one_away;
}

// All that waits, up to the next drop, in one write; or a drop.
void ClusterNode::CarryOutBatch() {
  std::vector<Input> completions;
  if (!work_.front().write) {
    const DropPartition drop = work_.front().drop;
    work_.pop_front();
    const std::vector<SyncEntry> held = machine_->AllOf(drop.partition);
    auto dropped = machine_->store->DropPartitionIf(
        drop.partition, {.count = drop.total.count, .sum = drop.total.sum});
    if (shared_->mutations.drop_unchecked)
      dropped = machine_->store->DropPartition(drop.partition).ok();
    shared_->Tell("node {} drops partition {}: {} {}", number_, drop.partition,
                  dropped.ok() && *dropped, ToString(dropped.status()));
    if (dropped.ok() && *dropped && shared_->on_drop) shared_->on_drop(*this, drop.partition, held);
    completions.emplace_back(DropDone{.operation = drop.operation,
                                      .status = dropped.status(),
                                      .dropped = dropped.ok() && *dropped});
    return EndBatch(std::move(completions));
  }
  std::vector<WriteRequest> requests;
  std::vector<Work> works;
  while (!work_.empty() && work_.front().write) {
    requests.push_back(*std::move(work_.front().write));
    works.push_back(std::move(work_.front()));
    work_.pop_front();
  }
  const bool stops = MayStopWithin() && shared_->random.OneIn(150);
  if (stops) {
    machine_->files.StopAfter(machine_->files.operations() + shared_->random.Below(4));
  }
  auto outcomes = machine_->store->Write(0, requests);
  // At the latest after the write: it may have made fewer operations.
  if (stops || machine_->sync_failed) {
    Crash();
    return shared_->events.After(kSecond, [this] {
      if (!node_) Start();
    });
  }
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    HandleOutcome(works[i], requests[i].claims.has_value(), std::move(outcomes[i]), &completions);
  }
  EndBatch(std::move(completions));
}

void ClusterNode::HandleOutcome(const Work& work, bool is_claims, WriteOutcome outcome,
                                std::vector<Input>* completions) {
  if (!is_claims) {
    completions->emplace_back(WriteDone{.operation = work.operation,
                                        .status = std::move(outcome.status),
                                        .already_stored = outcome.already_stored});
    return;
  }
  if (work.place == 0) claims_done_ = {.operation = work.operation, .status = OkStatus()};
  if (claims_done_.status.ok()) claims_done_.status = std::move(outcome.status);
  for (OtherClaim& other : outcome.others) {
    other.place += work.place;
    claims_done_.others.push_back(other);
  }
  if (work.ends_claims) completions->emplace_back(std::move(claims_done_));
}

void ClusterNode::EndBatch(std::vector<Input> completions) {
  After(DiskDelay(), [this, completions = std::move(completions)]() mutable {
    for (Input& completion : completions) Step(std::move(completion));
    if (node_) StartBatch();
  });
}

void ClusterNode::Maintain() {
  machine_->store->Maintain(0);
  After(kSecond, [this] { Maintain(); });
}

void ClusterNode::Do(RenumberStore effect) {
  // The index is large; meanwhile the others do as if this node were away.
  const bool is_long = shared_->settings.late_ms == 0 && shared_->random.OneIn(4);
  After(is_long ? shared_->random.Below(3 * kSecond) : DiskDelay(), [this, effect] {
    const bool stops = MayStopWithin() && shared_->random.OneIn(5);
    if (stops) {
      machine_->files.StopAfter(machine_->files.operations() + shared_->random.Below(40));
    }
    const Status status = machine_->store->SetPartitionBits(effect.partition_bits);
    shared_->Tell("node {} has 2^{} partitions: {}", number_, effect.partition_bits,
                  stops ? "crash" : ToString(status));
    if (stops) {
      Crash();
      return shared_->events.After(kSecond, [this] {
        if (!node_) Start();
      });
    }
    After(DiskDelay(), [this, effect, status] {
      Step(RenumberDone{.operation = effect.operation, .status = status});
    });
  });
}

void ClusterNode::Do(SaveRing effect) {
  if (saving_) shared_->Complain(fmt::format("node {} saves twice at once", number_));
  saving_ = std::move(effect);
  After(100 + DiskDelay(), [this] {
    const OperationId operation = saving_->operation;
    EndSave();
    Step(SavedDone{.operation = operation, .status = OkStatus()});
  });
}

void ClusterNode::EndSave() {
  const SaveRing save = *std::exchange(saving_, std::nullopt);
  if (const auto* acceptor = std::get_if<AcceptorState>(&save.what)) {
    machine_->saved.acceptor = *acceptor;
  } else if (const auto* state = std::get_if<SharedState>(&save.what)) {
    machine_->saved.state = *state;
  } else {
    machine_->saved.dispute = std::get<Dispute>(save.what);
  }
}

void ClusterNode::Do(AskPeer effect) {
  peers_->Ask(this, std::move(effect));
}

void ClusterNode::Do(AnswerPeer effect) {
  const auto found = peer_asks_.find(effect.request);
  if (found == peer_asks_.end()) {
    return shared_->Complain(fmt::format("node {} answers a request twice", number_));
  }
  const std::uint64_t ask = found->second;
  peer_asks_.erase(found);
  peers_->Answer(this, ask, std::move(effect.reply));
}

void ClusterNode::Do(SendGossip effect) {
  peers_->Gossip(this, std::move(effect));
}

void ClusterNode::Do(Alarm effect) {
  shared_->Complain(fmt::format("alarm at node {}: {}", number_, effect.text));
}

void ClusterNode::Do(Answer effect) {
  const auto found = askers_.find(effect.request);
  if (found == askers_.end()) {
    return shared_->Complain(fmt::format("node {} answers a client twice", number_));
  }
  const AnswerDone done = std::move(found->second);
  askers_.erase(found);
  done(std::move(effect));
}

void ClusterNode::Do(StreamItem effect) {
  const auto found = streams_.find(effect.request);
  if (found != streams_.end()) found->second.on_item(std::move(effect));
}

void ClusterNode::Do(StreamEnd effect) {
  const auto found = streams_.find(effect.request);
  if (found == streams_.end()) return;
  const Stream stream = std::move(found->second);
  streams_.erase(found);
  stream.on_end(std::move(effect.status));
}

}  // namespace carillon
