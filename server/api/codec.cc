#include "server/api/codec.h"

#include <utility>

#include "base/checksum.h"

namespace carillon {
namespace {

v1::SyncMode ToProto(SyncMode mode) {
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

StatusOr<std::optional<SyncMode>> FromProto(v1::SyncMode mode) {
  if (mode == v1::SYNC_MODE_UNSPECIFIED) return std::optional<SyncMode>();
  for (const SyncMode known : {SyncMode::kAlways, SyncMode::kInterval, SyncMode::kOs}) {
    if (ToProto(known) == mode) return std::optional(known);
  }
  return InvalidArgument("sync mode {} is unknown", static_cast<int>(mode));
}

}  // namespace

Route FromProto(const v1::Route& route) {
  return {.version = StateVersion(route.state_version()),
          .partition = PartitionId(static_cast<std::uint16_t>(route.partition()))};
}

ChunkFilter FromProto(const v1::Filter& filter) {
  ChunkFilter plain{.dc = filter.dc(), .cell = filter.cell(), .type = filter.type(), .subtype = {}};
  if (filter.has_subtype()) plain.subtype = filter.subtype();
  return plain;
}

StatusOr<ChunkInfo> FromProto(const v1::ChunkInfo& info) {
  ASSIGN_OR_RETURN(ChunkKey key, ParseChunkKey(info.key()));
  return ChunkInfo{.key = std::move(key),
                   .events = info.events(),
                   .raw_bytes = info.raw_bytes(),
                   .value_bytes = info.value_bytes(),
                   .value_crc = info.value_crc32c()};
}

StatusOr<Commit> FromProto(const v1::CommitSecondRequest& request) {
  Commit commit{.bucket = request.bucket(),
                .epoch = Epoch(request.epoch()),
                .dc = request.dc(),
                .chunks = {},
                .seal = {}};
  for (const v1::ChunkInfo& info : request.chunks()) {
    ASSIGN_OR_RETURN(ChunkInfo chunk, FromProto(info));
    commit.chunks.push_back(std::move(chunk));
  }
  if (request.has_seal()) {
    commit.seal = Seal{.writer = request.seal().writer(), .epoch = Epoch(request.seal().epoch())};
  }
  return commit;
}

StatusOr<ClaimOrder> FromProto(const v1::ClaimRequest& request) {
  const auto owner = DecodeClaimIds(request.owner());
  if (!owner.ok() || owner->size() != 1) {
    return InvalidArgument("owner of {} bytes, want {}", request.owner().size(), kClaimIdBytes);
  }
  ClaimOrder order{.bucket = request.bucket(), .owner = ClaimOwner(owner->front().value())};
  ASSIGN_OR_RETURN(order.ids, DecodeClaimIds(request.ids()));
  return order;
}

StatusOr<BucketChange> FromProto(const v1::BucketProperties& properties) {
  BucketChange change;
  if (properties.has_n_val()) change.n_val = properties.n_val();
  if (properties.has_w()) change.w = properties.w();
  if (properties.has_ttl_seconds()) change.ttl_seconds = properties.ttl_seconds();
  ASSIGN_OR_RETURN(change.sync, FromProto(properties.sync()));
  if (properties.has_max_chunk_bytes()) change.max_chunk_bytes = properties.max_chunk_bytes();
  if (properties.has_quota_bytes_per_second()) {
    change.quota_bytes_per_second = properties.quota_bytes_per_second();
  }
  return change;
}

void ToProto(const ChunkInfo& info, v1::ChunkInfo* message) {
  message->set_key(ToString(info.key));
  message->set_events(info.events);
  message->set_raw_bytes(info.raw_bytes);
  message->set_value_bytes(info.value_bytes);
  message->set_value_crc32c(info.value_crc);
}

void ToProto(const SecondsAnswer& answer, v1::ListSecondsResponse* message) {
  for (const Second& second : answer.seconds) {
    v1::Second* one = message->add_seconds();
    one->set_epoch(second.epoch.value());
    one->set_dc(second.dc);
    one->set_complete(second.complete);
    for (const ChunkInfo& chunk : second.chunks) ToProto(chunk, one->add_chunks());
  }
  if (answer.next_from) message->set_next_from(answer.next_from->value());
  message->set_partial(answer.partial);
  for (const auto& [dc, epoch] : answer.watermarks) {
    v1::Watermark* mark = message->add_watermarks();
    mark->set_dc(dc);
    mark->set_epoch(epoch.value());
  }
}

void ToProto(const ClaimsAnswer& answer, v1::ClaimResponse* message) {
  message->mutable_verdicts()->Reserve(static_cast<int>(answer.verdicts.size()));
  for (const ClaimVerdict verdict : answer.verdicts) {
    message->add_verdicts(verdict == ClaimVerdict::kMine    ? v1::CLAIM_VERDICT_MINE
                          : verdict == ClaimVerdict::kTaken ? v1::CLAIM_VERDICT_TAKEN
                                                            : v1::CLAIM_VERDICT_UNSPECIFIED);
  }
}

void ToProto(const std::string& name, const BucketProperties& properties, v1::Bucket* message) {
  message->set_name(name);
  v1::BucketProperties* to = message->mutable_properties();
  to->set_n_val(properties.n_val);
  to->set_w(properties.w);
  to->set_ttl_seconds(properties.ttl_seconds);
  to->set_sync(ToProto(properties.sync));
  to->set_max_chunk_bytes(properties.max_chunk_bytes);
  to->set_quota_bytes_per_second(properties.quota_bytes_per_second);
}

void ToProto(const WriteCost& cost, v1::Cost* message) {
  message->set_replicas_written(cost.replicas_written);
  message->set_bytes_between_nodes(cost.bytes_between_nodes);
}

void ToProto(const WriteAnswer& answer, StateVersion version, v1::PutChunkResponse* message) {
  ToProto(answer.cost, message->mutable_cost());
  message->set_already_stored(answer.already_stored);
  message->set_state_version(version.value());
}

void ToProto(const WriteAnswer& answer, StateVersion version, v1::CommitSecondResponse* message) {
  ToProto(answer.cost, message->mutable_cost());
  message->set_state_version(version.value());
}

PutChunkInput InputOf(RequestId id, wire::PutChunkRequest request) {
  PutChunkInput input;
  input.request = id;
  input.route = {.version = StateVersion(request.state_version),
                 .partition = PartitionId(static_cast<std::uint16_t>(request.partition))};
  input.bucket = std::move(request.bucket);
  input.key = std::move(request.key);
  input.computed_crc = Crc32c(request.value);
  input.value = std::move(request.value);
  input.value_crc = request.value_crc;
  return input;
}

}  // namespace carillon
