#include "server/api/ring_codec.h"

#include "base/clock.h"
#include "server/api/codec.h"

namespace carillon {
namespace {

constexpr StagedChange::Kind kKinds[] = {
    StagedChange::Kind::kJoin,   StagedChange::Kind::kLeave,    StagedChange::Kind::kReplace,
    StagedChange::Kind::kRemove, StagedChange::Kind::kWeight,   StagedChange::Kind::kRack,
    StagedChange::Kind::kSplit,  StagedChange::Kind::kRebalance};

v1::MemberRole ToProto(MemberRole role) {
  switch (role) {
    case MemberRole::kJoining:
      return v1::MEMBER_ROLE_JOINING;
    case MemberRole::kNormal:
      return v1::MEMBER_ROLE_NORMAL;
    case MemberRole::kLeaving:
      return v1::MEMBER_ROLE_LEAVING;
  }
  return v1::MEMBER_ROLE_UNSPECIFIED;
}

v1::Phase ToProto(Phase phase) {
  switch (phase) {
    case Phase::kStable:
      return v1::PHASE_STABLE;
    case Phase::kDual:
      return v1::PHASE_DUAL;
    case Phase::kReadNew:
      return v1::PHASE_READ_NEW;
  }
  return v1::PHASE_UNSPECIFIED;
}

v1::Health ToProto(Health health) {
  switch (health) {
    case Health::kAlive:
      return v1::HEALTH_ALIVE;
    case Health::kSuspect:
      return v1::HEALTH_SUSPECT;
    case Health::kDead:
      return v1::HEALTH_DEAD;
    case Health::kLeft:
      return v1::HEALTH_LEFT;
    case Health::kDegraded:
      return v1::HEALTH_DEGRADED;
  }
  return v1::HEALTH_UNSPECIFIED;
}

void ToProto(const Member& member, v1::Member* message) {
  message->set_node_uuid(ToString(member.node.value()));
  message->set_name(member.name);
  message->set_address(member.address);
  message->set_rack(member.rack);
  message->set_weight(member.weight);
  message->set_role(ToProto(member.role));
}

void ToProto(const PartitionHomes& partition, v1::Partition* message) {
  message->mutable_homes()->Assign(partition.homes.begin(), partition.homes.end());
  message->mutable_next()->Assign(partition.next.begin(), partition.next.end());
  message->mutable_ready()->Assign(partition.ready.begin(), partition.ready.end());
  message->mutable_target()->Assign(partition.target.begin(), partition.target.end());
  message->set_phase(ToProto(partition.phase));
  message->set_changed(partition.changed.value());
}

void ToProto(const ClusterState& state, const StagedChange& change, v1::StagedChange* message) {
  const auto name_of = [&state](const NodeId& node) {
    const Member* member = state.FindMember(node);
    if (member != nullptr) return member->name;
    return node.value().IsNil() ? std::string() : ToString(node.value());
  };
  message->set_kind(std::string(ToString(change.kind)));
  message->set_node(name_of(change.node));
  message->set_other(name_of(change.other));
  message->set_weight(change.weight);
  message->set_rack(change.rack);
}

void ToProto(const PullView& pull, v1::Transfer* message) {
  message->set_partition(pull.partition.value());
  message->set_source_uuid(ToString(pull.source.value()));
  message->set_reason(pull.reason);
  message->set_hours(pull.hours);
  message->set_hours_done(pull.hours_done);
  message->set_chunks(pull.chunks);
  message->set_bytes(pull.bytes);
  message->set_seconds(std::chrono::duration<double>(pull.running).count());
}

void ToProto(const StateRecord& record, v1::StateRecord* message) {
  message->set_generation(record.generation);
  message->set_version(record.version.value());
  message->set_hash(fmt::format("{:016x}{:016x}", record.hash.high, record.hash.low));
  message->set_note(record.note);
  message->set_when(std::chrono::duration<double>(record.when.time_since_epoch()).count());
}

void ToProto(const ClusterState& state, const SettlingRules& settling, v1::Settling* message) {
  message->set_since(settling.since.value());
  for (const auto& [bucket, rule] : settling.before) {
    v1::Settling::Rule* one = message->add_before();
    one->set_bucket(bucket);
    one->set_n_val(rule.n_val);
    one->set_w(rule.w);
  }
  for (const std::uint16_t member : settling.ready) {
    message->add_ready_uuid(ToString(state.members[member].node.value()));
  }
}

}  // namespace

void ToProto(const ClusterState& state, v1::GetClusterStateResponse* message) {
  message->set_cluster_uuid(ToString(state.cluster));
  message->set_version(state.version.value());
  message->set_generation(state.generation);
  message->set_partitions(static_cast<std::uint32_t>(state.partitions()));
  for (const Member& member : state.members) ToProto(member, message->add_members());
  for (const auto& [name, properties] : state.buckets) {
    ToProto(name, properties, message->add_buckets());
  }
  for (const PartitionHomes& partition : state.placement) {
    ToProto(partition, message->add_placement());
  }
}

void ToProto(const ClusterView& view, v1::GetClusterViewResponse* message) {
  const ClusterState& state = *view.state;
  ToProto(state, message->mutable_state());
  message->set_node_uuid(ToString(view.viewer.value()));
  for (const MemberHealth& health : view.health) {
    v1::MemberHealth* one = message->add_health();
    one->set_node_uuid(ToString(health.node.value()));
    one->set_health(ToProto(health.health));
    one->set_seconds(std::chrono::duration<double>(health.since).count());
    one->set_latency_ms(std::chrono::duration<double, std::milli>(health.latency).count());
    one->set_duplicate(health.duplicate.has_value());
    if (health.duplicate) {
      one->set_duplicate_seconds(std::chrono::duration<double>(*health.duplicate).count());
    }
  }
  for (const PullView& pull : view.pulls) ToProto(pull, message->add_transfers());
  message->set_transfers_waiting(static_cast<std::uint32_t>(view.pulls_waiting));
  for (const PartitionId partition : view.foreign) {
    message->add_foreign_partitions(partition.value());
  }
  for (const StateRecord& record : view.history) ToProto(record, message->add_history());
  for (const StagedChange& change : state.staged) ToProto(state, change, message->add_staged());
  if (state.plan) message->set_plan_id(ToString(state.plan->id));
  message->set_paused(state.paused);
  if (state.settling) ToProto(state, *state.settling, message->mutable_settling());
  message->set_frozen(view.frozen);
  message->set_refusal(view.refusal);
  for (const NodeId& voter : view.voters) message->add_voters_uuid(ToString(voter.value()));
}

void ToProto(const ClusterState& state, const ChangePlan& plan, v1::PlanChangesResponse* message) {
  message->set_state_version(plan.made_from.value());
  for (const Member& member : state.members) ToProto(member, message->add_members());
  for (const PlannedMove& move : plan.moves) {
    v1::PlannedMove* one = message->add_moves();
    one->set_partition(move.partition.value());
    one->mutable_from()->Assign(move.from.begin(), move.from.end());
    one->mutable_to()->Assign(move.to.begin(), move.to.end());
    one->set_bytes(move.bytes);
  }
  for (const PlannedMember& member : plan.members) {
    v1::PlannedMember* one = message->add_planned_members();
    one->set_node_uuid(ToString(member.node.value()));
    one->set_copies_before(static_cast<std::uint32_t>(member.copies_before));
    one->set_copies_after(static_cast<std::uint32_t>(member.copies_after));
    one->set_primaries_before(static_cast<std::uint32_t>(member.primaries_before));
    one->set_primaries_after(static_cast<std::uint32_t>(member.primaries_after));
    one->set_bytes_gained(member.bytes_gained);
    one->set_bytes_lost(member.bytes_lost);
    one->set_peak_bytes(member.peak_bytes);
    if (member.free_bytes) one->set_free_bytes(*member.free_bytes);
  }
  message->set_bytes_known(plan.bytes_known);
  message->set_bytes_moved(plan.bytes_moved);
  message->set_bytes_least(plan.bytes_least);
  message->set_seconds(plan.seconds);
  for (const std::string& risk : plan.risks) message->add_risks(risk);
}

StatusOr<StagedChange> FromProto(const ClusterState& state, const v1::StagedChange& change) {
  StagedChange staged{
      .kind = {}, .node = {}, .other = {}, .weight = change.weight(), .rack = change.rack()};
  bool known = false;
  for (const StagedChange::Kind kind : kKinds) {
    if (change.kind() != ToString(kind)) continue;
    staged.kind = kind;
    known = true;
  }
  if (!known) return InvalidArgument("no change of the ring is called '{}'", change.kind());
  if (!change.node().empty()) {
    ASSIGN_OR_RETURN(staged.node, FindMemberNamed(state, change.node()));
  }
  if (!change.other().empty()) {
    ASSIGN_OR_RETURN(staged.other, FindMemberNamed(state, change.other()));
  }
  return staged;
}

}  // namespace carillon
