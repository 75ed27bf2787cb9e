#include "tests/sim/cluster/cluster_admin.h"

#include <numeric>

#include "tests/sim/cluster/cluster_history.h"

namespace carillon {

ClusterAdmin::ClusterAdmin(ClusterShared* shared, const Nodes* nodes,
                           std::function<ClusterNode*()> add_node)
    : shared_(shared), nodes_(nodes), add_node_(std::move(add_node)) {}

void ClusterAdmin::Start() {
  if (shared_->settings.admin_every_ms != 0) ScheduleNext();
}

void ClusterAdmin::ScheduleNext() {
  const std::uint64_t every = shared_->settings.admin_every_ms * kMillisecond;
  shared_->events.After(every / 2 + shared_->random.Below(every), [this] {
    if (stopped_) return;
    DoSomething();
    ScheduleNext();
  });
}

void ClusterAdmin::DoSomething() {
  const bool has_lost = gone_ && shared_->ring.newest()->FindMember(*gone_) != nullptr;
  if (has_lost && !shared_->random.OneIn(4)) return Settle();
  if (shared_->settings.rule_changes && shared_->random.OneIn(3)) return ChangeRule();
  if (shared_->settings.shuffles) return Shuffle();
  switch (shared_->random.Below(12)) {
    case 0:
      if (ClusterNode* node = add_node_()) Join(node);
      return;
    case 1:
    case 2:
    case 3:
      return StageSomething();
    case 4:
      if (shared_->random.OneIn(3)) Change(WithAborted);
      return;
    case 5: {
      const bool pause = shared_->random.OneIn(2);
      return Change([pause](const ClusterState& state) { return WithPaused(state, pause); });
    }
    case 6:
      return ChangeBucket();
    default:
      PlanAndCommit();
      if (shared_->random.OneIn(3)) PlanAndCommit();  // another admin
  }
}

ClusterNode* ClusterAdmin::AnyServing() {
  for (int tries = 0; tries < 30; ++tries) {
    ClusterNode* node = (*nodes_)[shared_->random.Below(nodes_->size())].get();
    if (node->is_serving() && node->node().state().FindMember(node->id()) != nullptr) return node;
  }
  return nullptr;
}

Uuid ClusterAdmin::NewUuid() {
  Uuid uuid;
  for (auto& byte : uuid.bytes) byte = static_cast<std::uint8_t>(shared_->random.Next() | 1);
  return uuid;
}

void ClusterAdmin::Change(std::function<StatusOr<ClusterState>(const ClusterState&)> change) {
  ClusterNode* node = AnyServing();
  if (node == nullptr) return;
  const RequestId request = node->NewRequest();
  node->Ask(request,
            RingChangeInput{.request = request, .expected = {}, .change = std::move(change)},
            [this](const Answer& answer) { changes_ += answer.status.ok(); });
}

void ClusterAdmin::Stage(const StagedChange& change) {
  Change([change](const ClusterState& state) { return WithStaged(state, change); });
}

// Of a normal member, if enough stay.
std::optional<StagedChange> ClusterAdmin::LeaveOf(const ClusterState& state) {
  std::vector<NodeId> normal;
  for (const Member& member : state.members) {
    if (member.role == MemberRole::kNormal) normal.push_back(member.node);
  }
  std::size_t going = 0;
  for (const StagedChange& change : state.staged)
    going += change.kind == StagedChange::Kind::kLeave;
  if (normal.size() < going + 4) return std::nullopt;
  return StagedChange{.kind = StagedChange::Kind::kLeave,
                      .node = normal[shared_->random.Below(normal.size())]};
}

void ClusterAdmin::StageSomething() {
  const ClusterState& state = *shared_->ring.newest();
  const NodeId member = state.members[shared_->random.Below(state.members.size())].node;
  switch (shared_->random.Below(6)) {
    case 5:
      if (state.partition_bits < kMinPartitionBits + 2) Stage({.kind = StagedChange::Kind::kSplit});
      return;
    case 0:
    case 4:
      if (const auto leave = LeaveOf(state)) Stage(*leave);
      return;
    case 1: {
      const auto joining =
          std::find_if(state.members.begin(), state.members.end(),
                       [](const Member& one) { return one.role == MemberRole::kJoining; });
      if (joining == state.members.end()) return;
      return Stage({.kind = StagedChange::Kind::kReplace, .node = member, .other = joining->node});
    }
    case 2:
      return Stage({.kind = StagedChange::Kind::kWeight,
                    .node = member,
                    .weight = static_cast<std::uint32_t>(25 + shared_->random.Below(300))});
    default:
      return Stage({.kind = StagedChange::Kind::kRebalance});
  }
}

// What no plan would do: all homes of a partition may change at once.
void ClusterAdmin::Shuffle() {
  Change([seed = shared_->random.Next()](const ClusterState& state) -> StatusOr<ClusterState> {
    Random random(seed);
    ClusterState next = NextVersionOf(state, "shuffled");
    for (PartitionHomes& partition : next.placement) {
      if (partition.phase != Phase::kStable || !random.OneIn(3)) continue;
      // The last ones only ask.
      std::vector<std::uint16_t> members(std::max<std::size_t>(next.members.size(), 5) - 2);
      std::iota(members.begin(), members.end(), std::uint16_t{0});
      for (std::size_t i = members.size() - 1; i > 0; --i) {
        std::swap(members[i], members[random.Below(i + 1)]);
      }
      members.resize(std::min<std::size_t>(members.size(), 3));
      if (members != partition.homes) partition.target = members;
    }
    return next;
  });
}

PlanFacts ClusterAdmin::Facts() const {
  PlanFacts facts;
  if (!gone_) return facts;
  facts.alive.emplace();
  for (const Member& member : shared_->ring.newest()->members) {
    if (member.node != *gone_) facts.alive->push_back(member.node);
  }
  return facts;
}

void ClusterAdmin::PlanAndCommit() {
  ClusterNode* node = AnyServing();
  if (node == nullptr) return;
  const RequestId request = node->NewRequest();
  const Uuid id = NewUuid();
  node->Ask(request, PlanInput{.request = request, .id = id, .save = true, .facts = Facts()},
            [this, id](const Answer& answer) {
              if (!answer.status.ok()) {
                return shared_->Tell("no plan: {}", ToString(answer.status));
              }
              Change([id](const ClusterState& state) { return WithPlanCommitted(state, id); });
            });
}

void ClusterAdmin::ChangeBucket() {
  if (!shared_->settings.bucket_changes) return;
  ClusterNode* node = AnyServing();
  if (node == nullptr) return;
  BucketChange change{.n_val = 2 + static_cast<std::uint32_t>(shared_->random.Below(2))};
  const RequestId request = node->NewRequest();
  node->Ask(request,
            SetBucketInput{.request = request, .name = kSimBucket, .change = std::move(change)},
            [this](const Answer& answer) { changes_ += answer.status.ok(); });
}

// Of any bucket, up or down; now and then it is changed again before it has settled.
void ClusterAdmin::ChangeRule() {
  ClusterNode* node = AnyServing();
  if (node == nullptr) return;
  const auto& buckets = shared_->ring.newest()->buckets;
  auto bucket = buckets.begin();
  std::advance(bucket, shared_->random.Below(buckets.size()));
  const auto n_val = 1 + static_cast<std::uint32_t>(shared_->random.Below(3));
  const auto w = 1 + static_cast<std::uint32_t>(shared_->random.Below(n_val));
  const RequestId request = node->NewRequest();
  node->Ask(
      request,
      SetBucketInput{.request = request, .name = bucket->first, .change = {.n_val = n_val, .w = w}},
      [this](const Answer& answer) { changes_ += answer.status.ok(); });
}

void ClusterAdmin::Join(ClusterNode* node) {
  if (node->has_cluster()) return;
  if (ClusterNode* seed = AnyServing()) {
    if (IsMember(seed->node().state(), node->AsMember())) {
      node->Adopt(seed->node().shared_state());
      return node->Start();
    }
    seed->HandlePeer(0, PeerSender{}, JoinCluster{.member = node->AsMember()});
  }
  shared_->events.After(kSecond, [this, node] { Join(node); });
}

namespace {

// Whether a partition is to move to a node.
bool WaitsFor(const ClusterState& state, const NodeId& node) {
  const auto index = state.IndexOf(node);
  const auto is_in = [&](const std::vector<std::uint16_t>& list) {
    return index && std::find(list.begin(), list.end(), *index) != list.end();
  };
  return std::any_of(state.placement.begin(), state.placement.end(), [&](const auto& partition) {
    const bool moves = partition.phase == Phase::kDual && !is_in(partition.homes);
    return (moves && is_in(partition.next)) || is_in(partition.target);
  });
}

}  // namespace

void ClusterAdmin::Settle() {
  const ClusterState& state = *shared_->ring.newest();
  if (state.paused) {
    return Change([](const ClusterState& now) { return WithPaused(now, false); });
  }
  if (!gone_) return;
  if (WaitsFor(state, *gone_)) return Change(WithAborted);
  if (state.IsMoving()) return;
  const Member* member = state.FindMember(*gone_);
  if (member == nullptr) return;
  if (member->role != MemberRole::kNormal) {
    return Change(
        [gone = *gone_](const ClusterState& now) { return WithMemberForgotten(now, gone); });
  }
  const bool is_staged =
      std::any_of(state.staged.begin(), state.staged.end(), [&](const auto& one) {
        return one.node == *gone_ && one.kind == StagedChange::Kind::kRemove;
      });
  if (is_staged) return PlanAndCommit();
  Change([gone = *gone_](const ClusterState& now) -> StatusOr<ClusterState> {
    if (now.staged.empty())
      return WithStaged(now, {.kind = StagedChange::Kind::kRemove, .node = gone});
    return WithStagedCleared(now);
  });
}

}  // namespace carillon
