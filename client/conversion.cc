#include "client/conversion.h"

#include <bit>
#include <utility>

namespace carillon {
namespace {

void Fill(const Filter& filter, v1::Filter* message) {
  message->set_dc(filter.dc);
  message->set_cell(filter.cell);
  message->set_type(filter.type);
  if (filter.subtype) message->set_subtype(*filter.subtype);
}

void Fill(const ChunkInfo& chunk, v1::ChunkInfo* message) {
  message->set_key(ToString(chunk.key));
  message->set_events(chunk.events);
  message->set_raw_bytes(chunk.raw_bytes);
  message->set_value_bytes(chunk.value_bytes);
  message->set_value_crc32c(chunk.value_crc);
}

StatusOr<ChunkInfo> FromMessage(const v1::ChunkInfo& message) {
  auto key = ParseChunkKey(message.key());
  if (!key.ok()) return Internal("the node listed a malformed chunk: {}", Message(key.status()));
  return ChunkInfo{.key = *std::move(key),
                   .events = message.events(),
                   .raw_bytes = message.raw_bytes(),
                   .value_bytes = message.value_bytes(),
                   .value_crc = message.value_crc32c()};
}

v1::SyncMode ToMessage(SyncMode mode) {
  switch (mode) {
    case SyncMode::kAlways:
      return v1::SYNC_MODE_ALWAYS;
    case SyncMode::kInterval:
      return v1::SYNC_MODE_INTERVAL;
    case SyncMode::kOs:
      return v1::SYNC_MODE_OS;
  }
  return v1::SYNC_MODE_UNSPECIFIED;
}

// A mode of a later version is shown as the safest.
SyncMode FromMessage(v1::SyncMode mode) {
  if (mode == v1::SYNC_MODE_INTERVAL) return SyncMode::kInterval;
  return mode == v1::SYNC_MODE_OS ? SyncMode::kOs : SyncMode::kAlways;
}

// A role of a later version is taken for a normal member.
MemberRole FromMessage(v1::MemberRole role) {
  if (role == v1::MEMBER_ROLE_JOINING) return MemberRole::kJoining;
  return role == v1::MEMBER_ROLE_LEAVING ? MemberRole::kLeaving : MemberRole::kNormal;
}

StatusOr<Phase> FromMessage(v1::Phase phase) {
  if (phase == v1::PHASE_STABLE) return Phase::kStable;
  if (phase == v1::PHASE_DUAL) return Phase::kDual;
  if (phase == v1::PHASE_READ_NEW) return Phase::kReadNew;
  return Internal("the node sent a partition of the phase {}", static_cast<int>(phase));
}

template <typename List>
StatusOr<std::vector<std::uint16_t>> IndexesFrom(const List& list, int members) {
  std::vector<std::uint16_t> indexes;
  for (const std::uint32_t index : list) {
    if (index >= static_cast<std::uint32_t>(members)) {
      return Internal("the node sent a partition with the member {} of {}", index, members);
    }
    indexes.push_back(static_cast<std::uint16_t>(index));
  }
  return indexes;
}

StatusOr<PartitionHomes> FromMessage(const v1::Partition& message, int members) {
  PartitionHomes homes;
  ASSIGN_OR_RETURN(homes.homes, IndexesFrom(message.homes(), members));
  ASSIGN_OR_RETURN(homes.next, IndexesFrom(message.next(), members));
  ASSIGN_OR_RETURN(homes.ready, IndexesFrom(message.ready(), members));
  ASSIGN_OR_RETURN(homes.target, IndexesFrom(message.target(), members));
  ASSIGN_OR_RETURN(homes.phase, FromMessage(message.phase()));
  homes.changed = StateVersion(message.changed());
  const bool has_next = homes.phase == Phase::kStable || !homes.next.empty();
  if (homes.homes.empty() || !has_next) return Internal("the node sent a partition without homes");
  return homes;
}

Status FillMembers(const v1::GetClusterStateResponse& message, ClusterState* state) {
  if (message.members_size() > static_cast<int>(kMaxMembers)) {
    return Internal("the node sent {} members", message.members_size());
  }
  for (const v1::Member& member : message.members()) {
    ASSIGN_OR_RETURN(const Uuid node, ParseUuid(member.node_uuid()));
    state->members.push_back({.node = NodeId(node),
                              .name = member.name(),
                              .address = member.address(),
                              .rack = member.rack(),
                              .weight = member.weight(),
                              .role = FromMessage(member.role())});
  }
  return OkStatus();
}

}  // namespace

v1::CommitSecondRequest ToMessage(const Commit& commit) {
  v1::CommitSecondRequest message;
  message.set_bucket(commit.bucket);
  message.set_epoch(commit.epoch.value());
  message.set_dc(commit.dc);
  for (const ChunkInfo& chunk : commit.chunks) Fill(chunk, message.add_chunks());
  if (commit.seal) {
    message.mutable_seal()->set_writer(commit.seal->writer);
    message.mutable_seal()->set_epoch(commit.seal->epoch.value());
  }
  return message;
}

v1::ClaimRequest ToMessage(const ClaimOrder& order) {
  v1::ClaimRequest message;
  message.set_bucket(order.bucket);
  message.set_owner(EncodeClaimIds({ClaimId(order.owner.value())}));
  message.set_ids(EncodeClaimIds(order.ids));
  return message;
}

v1::ListSecondsRequest ToMessage(const ListQuery& query) {
  v1::ListSecondsRequest message;
  message.set_bucket(query.bucket);
  message.set_from(query.range.first.value());
  message.set_to(query.range.limit.value());
  Fill(query.filter, message.mutable_filter());
  message.set_max_chunks(query.max_chunks);
  message.set_allow_partial(query.allow_partial);
  return message;
}

v1::ReadRangeRequest ToMessage(const RangeQuery& query) {
  v1::ReadRangeRequest message;
  message.set_bucket(query.bucket);
  message.set_from(query.range.first.value());
  message.set_to(query.range.limit.value());
  Fill(query.filter, message.mutable_filter());
  message.set_max_events(query.max_events);
  message.set_allow_partial(query.allow_partial);
  return message;
}

v1::BucketProperties ToMessage(const BucketChange& change) {
  v1::BucketProperties message;
  if (change.n_val) message.set_n_val(*change.n_val);
  if (change.w) message.set_w(*change.w);
  if (change.ttl_seconds) message.set_ttl_seconds(*change.ttl_seconds);
  if (change.sync) message.set_sync(ToMessage(*change.sync));
  if (change.max_chunk_bytes) message.set_max_chunk_bytes(*change.max_chunk_bytes);
  if (change.quota_bytes_per_second) {
    message.set_quota_bytes_per_second(*change.quota_bytes_per_second);
  }
  return message;
}

StatusOr<SecondsPage> FromMessage(const v1::ListSecondsResponse& message) {
  SecondsPage page;
  for (const v1::Second& listed : message.seconds()) {
    Second second{.epoch = Epoch(listed.epoch()), .dc = listed.dc(), .complete = listed.complete()};
    for (const v1::ChunkInfo& chunk : listed.chunks()) {
      ASSIGN_OR_RETURN(ChunkInfo info, FromMessage(chunk));
      second.chunks.push_back(std::move(info));
    }
    page.seconds.push_back(std::move(second));
  }
  if (message.next_from() != 0) page.next_from = Epoch(message.next_from());
  page.partial = message.partial();
  return page;
}

StatusOr<std::vector<ClaimVerdict>> FromMessage(const v1::ClaimResponse& message,
                                                std::size_t wanted) {
  if (static_cast<std::size_t>(message.verdicts_size()) != wanted) {
    return Internal("{} verdicts for {} ids", message.verdicts_size(), wanted);
  }
  std::vector<ClaimVerdict> verdicts;
  verdicts.reserve(wanted);
  for (const int verdict : message.verdicts()) {
    verdicts.push_back(verdict == v1::CLAIM_VERDICT_MINE    ? ClaimVerdict::kMine
                       : verdict == v1::CLAIM_VERDICT_TAKEN ? ClaimVerdict::kTaken
                                                            : ClaimVerdict::kUndecided);
  }
  return verdicts;
}

NamedBucket FromMessage(const v1::Bucket& message) {
  const v1::BucketProperties& from = message.properties();
  return {.name = message.name(),
          .properties = {.n_val = from.n_val(),
                         .w = from.w(),
                         .ttl_seconds = from.ttl_seconds(),
                         .sync = FromMessage(from.sync()),
                         .max_chunk_bytes = from.max_chunk_bytes(),
                         .quota_bytes_per_second = from.quota_bytes_per_second()}};
}

PutReply FromMessage(const v1::PutChunkResponse& message) {
  return {.already_stored = message.already_stored(),
          .replicas_written = message.cost().replicas_written(),
          .bytes_between_nodes = message.cost().bytes_between_nodes()};
}

StatusOr<std::optional<ClusterState>> FromMessage(const v1::GetClusterStateResponse& message) {
  if (message.placement_size() == 0) return std::nullopt;
  const auto partitions = static_cast<std::uint32_t>(message.placement_size());
  if (partitions != message.partitions() || !std::has_single_bit(partitions) ||
      partitions > 1u << kMaxPartitionBits) {
    return Internal("the node sent the placement of {} partitions, and says there are {}",
                    partitions, message.partitions());
  }
  ClusterState state;
  ASSIGN_OR_RETURN(state.cluster, ParseUuid(message.cluster_uuid()));
  state.generation = message.generation();
  state.version = StateVersion(message.version());
  state.partition_bits = static_cast<std::uint32_t>(std::countr_zero(partitions));
  RETURN_IF_ERROR(FillMembers(message, &state));
  for (const v1::Partition& partition : message.placement()) {
    ASSIGN_OR_RETURN(PartitionHomes homes, FromMessage(partition, message.members_size()));
    state.placement.push_back(std::move(homes));
  }
  for (const v1::Bucket& bucket : message.buckets()) {
    state.buckets[bucket.name()] = FromMessage(bucket).properties;
  }
  return state;
}

}  // namespace carillon
