#include "client/ring_conversion.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <utility>

#include "client/conversion.h"

namespace carillon {
namespace {

constexpr StagedChange::Kind kKinds[] = {
    StagedChange::Kind::kJoin,   StagedChange::Kind::kLeave,    StagedChange::Kind::kReplace,
    StagedChange::Kind::kRemove, StagedChange::Kind::kWeight,   StagedChange::Kind::kRack,
    StagedChange::Kind::kSplit,  StagedChange::Kind::kRebalance};

using Indexes = google::protobuf::RepeatedField<std::uint32_t>;

StatusOr<NodeId> ParseNode(const std::string& text) {
  const auto uuid = ParseUuid(text);
  if (!uuid.ok()) return Internal("the node named a node '{}'", text);
  return NodeId(*uuid);
}

StatusOr<HomeList> FromMessage(const Indexes& list, std::size_t members) {
  HomeList homes;
  for (const std::uint32_t index : list) {
    if (index >= members) return Internal("the node listed member {} of {}", index, members);
    homes.push_back(static_cast<std::uint16_t>(index));
  }
  return homes;
}

// Of a later version of the node: shown as what is closest.
MemberRole FromMessage(v1::MemberRole role) {
  if (role == v1::MEMBER_ROLE_JOINING) return MemberRole::kJoining;
  return role == v1::MEMBER_ROLE_LEAVING ? MemberRole::kLeaving : MemberRole::kNormal;
}

Health FromMessage(v1::Health health) {
  if (health == v1::HEALTH_ALIVE) return Health::kAlive;
  if (health == v1::HEALTH_SUSPECT) return Health::kSuspect;
  if (health == v1::HEALTH_DEAD) return Health::kDead;
  return health == v1::HEALTH_LEFT ? Health::kLeft : Health::kDegraded;
}

Duration FromSeconds(double seconds) {
  constexpr double kMaxSeconds = 3e9;
  return std::chrono::duration_cast<Duration>(
      std::chrono::duration<double>(std::clamp(seconds, 0.0, kMaxSeconds)));
}

StatusOr<Member> FromMessage(const v1::Member& message) {
  Member member;
  ASSIGN_OR_RETURN(member.node, ParseNode(message.node_uuid()));
  member.name = message.name();
  member.address = message.address();
  member.rack = message.rack();
  member.weight = message.weight();
  member.role = FromMessage(message.role());
  return member;
}

StatusOr<StagedChange> FromMessage(const ClusterState& state, const v1::StagedChange& message) {
  StagedChange change;
  const auto kind = std::find_if(std::begin(kKinds), std::end(kKinds), [&](const auto known) {
    return ToString(known) == message.kind();
  });
  if (kind == std::end(kKinds)) return Internal("the node staged a '{}'", message.kind());
  change.kind = *kind;
  // A node that is no member any more is shown without its name.
  if (const auto node = FindMemberNamed(state, message.node()); node.ok()) change.node = *node;
  if (const auto node = FindMemberNamed(state, message.other()); node.ok()) change.other = *node;
  change.weight = message.weight();
  change.rack = message.rack();
  return change;
}

// 32 hexadecimal digits; what is none is shown as zero.
Hash128Value ParseHash(const std::string& text) {
  Hash128Value hash;
  if (text.size() != 32) return hash;
  std::from_chars(text.data(), text.data() + 16, hash.high, 16);
  std::from_chars(text.data() + 16, text.data() + 32, hash.low, 16);
  return hash;
}

StateRecord FromMessage(const v1::StateRecord& message) {
  return {.generation = message.generation(),
          .version = StateVersion(message.version()),
          .hash = ParseHash(message.hash()),
          .note = message.note(),
          .when = WallTime(
              std::chrono::duration_cast<WallTime::duration>(FromSeconds(message.when())))};
}

StatusOr<SettlingRules> FromMessage(const ClusterState& state, const v1::Settling& message) {
  SettlingRules settling{.since = StateVersion(message.since()), .before = {}, .ready = {}};
  for (const v1::Settling::Rule& rule : message.before()) {
    settling.before[rule.bucket()] = {.n_val = rule.n_val(), .w = rule.w()};
  }
  for (const std::string& uuid : message.ready_uuid()) {
    ASSIGN_OR_RETURN(const NodeId node, ParseNode(uuid));
    if (const auto index = state.IndexOf(node)) settling.ready.push_back(*index);
  }
  return settling;
}

StatusOr<PullView> FromMessage(const v1::Transfer& message) {
  PullView pull{.partition = PartitionId(static_cast<std::uint16_t>(message.partition())),
                .source = {},
                .reason = message.reason(),
                .hours = message.hours(),
                .hours_done = message.hours_done(),
                .chunks = message.chunks(),
                .bytes = message.bytes(),
                .running = FromSeconds(message.seconds())};
  ASSIGN_OR_RETURN(pull.source, ParseNode(message.source_uuid()));
  return pull;
}

StatusOr<MemberHealth> FromMessage(const v1::MemberHealth& message) {
  MemberHealth health;
  ASSIGN_OR_RETURN(health.node, ParseNode(message.node_uuid()));
  health.health = FromMessage(message.health());
  health.since = FromSeconds(message.seconds());
  health.latency = FromSeconds(message.latency_ms() / 1000);
  if (message.duplicate()) health.duplicate = FromSeconds(message.duplicate_seconds());
  return health;
}

PlannedMember FromMessage(const NodeId& node, const v1::PlannedMember& message) {
  return {
      .node = node,
      .copies_before = message.copies_before(),
      .copies_after = message.copies_after(),
      .primaries_before = message.primaries_before(),
      .primaries_after = message.primaries_after(),
      .bytes_gained = message.bytes_gained(),
      .bytes_lost = message.bytes_lost(),
      .peak_bytes = message.peak_bytes(),
      .free_bytes = message.has_free_bytes() ? std::optional(message.free_bytes()) : std::nullopt};
}

// In `list`, and not in `other`.
HomeList Without(const HomeList& list, const HomeList& other) {
  HomeList rest;
  for (const std::uint16_t member : list) {
    if (std::find(other.begin(), other.end(), member) == other.end()) rest.push_back(member);
  }
  return rest;
}

}  // namespace

StatusOr<ClusterView> FromMessage(const v1::GetClusterViewResponse& message) {
  ClusterView view;
  ASSIGN_OR_RETURN(auto known, carillon::FromMessage(message.state()));
  if (!known) return Internal("the node's view has no placement");
  ClusterState state = *std::move(known);
  state.paused = message.paused();
  for (const v1::StagedChange& change : message.staged()) {
    ASSIGN_OR_RETURN(StagedChange one, FromMessage(state, change));
    state.staged.push_back(std::move(one));
  }
  if (message.has_settling()) {
    ASSIGN_OR_RETURN(state.settling, FromMessage(state, message.settling()));
  }
  if (!message.plan_id().empty()) {
    ASSIGN_OR_RETURN(const NodeId id, ParseNode(message.plan_id()));
    state.plan = SavedPlan{.id = id.value(), .targets = {}};
  }
  ASSIGN_OR_RETURN(view.viewer, ParseNode(message.node_uuid()));
  for (const v1::MemberHealth& health : message.health()) {
    ASSIGN_OR_RETURN(const MemberHealth one, FromMessage(health));
    view.health.push_back(one);
  }
  if (view.health.size() != state.members.size()) {
    return Internal("the node told the health of {} of {} members", view.health.size(),
                    state.members.size());
  }
  for (const v1::Transfer& transfer : message.transfers()) {
    ASSIGN_OR_RETURN(PullView one, FromMessage(transfer));
    view.pulls.push_back(std::move(one));
  }
  view.pulls_waiting = message.transfers_waiting();
  for (const std::uint32_t partition : message.foreign_partitions()) {
    view.foreign.emplace_back(static_cast<std::uint16_t>(partition));
  }
  for (const v1::StateRecord& record : message.history()) {
    view.history.push_back(FromMessage(record));
  }
  view.frozen = message.frozen();
  view.refusal = message.refusal();
  for (const std::string& voter : message.voters_uuid()) {
    ASSIGN_OR_RETURN(const NodeId one, ParseNode(voter));
    view.voters.push_back(one);
  }
  view.state = std::make_shared<const ClusterState>(std::move(state));
  return view;
}

StatusOr<PlannedChange> FromMessage(const v1::PlanChangesResponse& message) {
  PlannedChange planned;
  planned.id = message.plan_id();
  for (const v1::Member& member : message.members()) {
    ASSIGN_OR_RETURN(Member one, FromMessage(member));
    planned.members.push_back(std::move(one));
  }
  ChangePlan& plan = planned.plan;
  plan.made_from = StateVersion(message.state_version());
  for (const v1::PlannedMove& move : message.moves()) {
    PlannedMove one{.partition = PartitionId(static_cast<std::uint16_t>(move.partition()))};
    ASSIGN_OR_RETURN(one.from, FromMessage(move.from(), planned.members.size()));
    ASSIGN_OR_RETURN(one.to, FromMessage(move.to(), planned.members.size()));
    one.gains = Without(one.to, one.from);
    one.loses = Without(one.from, one.to);
    one.bytes = move.bytes();
    plan.moves.push_back(std::move(one));
  }
  if (message.planned_members_size() != message.members_size()) {
    return Internal("the node planned for {} of {} members", message.planned_members_size(),
                    message.members_size());
  }
  for (int i = 0; i < message.planned_members_size(); ++i) {
    plan.members.push_back(
        FromMessage(planned.members[static_cast<std::size_t>(i)].node, message.planned_members(i)));
  }
  plan.bytes_known = message.bytes_known();
  plan.bytes_moved = message.bytes_moved();
  plan.bytes_least = message.bytes_least();
  plan.seconds = message.seconds();
  plan.risks.assign(message.risks().begin(), message.risks().end());
  return planned;
}

v1::StagedChange ToMessage(const RingChange& change) {
  v1::StagedChange message;
  message.set_kind(std::string(ToString(change.kind)));
  message.set_node(change.node);
  message.set_other(change.other);
  message.set_weight(change.weight);
  message.set_rack(change.rack);
  return message;
}

}  // namespace carillon
