#include "server/node/outbox.h"

#include <algorithm>

namespace carillon {
namespace {

StoreChunk LocalOf(OperationId operation, const ReplicaPut& put) {
  return {.operation = operation,
          .place = put.place,
          .bucket = put.bucket,
          .key = put.key,
          .value = put.value,
          .value_crc = put.value_crc,
          .ttl_seconds = put.ttl_seconds,
          .sync = put.sync};
}

StoreCommit LocalOf(OperationId operation, const ReplicaCommit& commit) {
  return {.operation = operation,
          .place = commit.place,
          .commit = commit.commit,
          .ttl_seconds = commit.ttl_seconds,
          .sync = commit.sync};
}

AskedFor WhatFor(const PeerMessage& message) {
  if (std::holds_alternative<ReplicaPut>(message) ||
      std::holds_alternative<ReplicaCommit>(message)) {
    return AskedFor::kWrite;
  }
  if (std::holds_alternative<ReplicaStat>(message)) return AskedFor::kStat;
  if (std::holds_alternative<ReplicaRead>(message)) return AskedFor::kRead;
  if (std::holds_alternative<ReplicaScan>(message)) return AskedFor::kScan;
  if (std::holds_alternative<ReplicaClaims>(message)) return AskedFor::kClaims;
  return AskedFor::kOther;
}

// How long until a request counts as failed: its receiver is gone, stopped, or cut off.
Duration TimeoutOf(const PeerMessage& message) {
  const bool bulk =
      std::holds_alternative<ReplicaScan>(message) ||
      std::holds_alternative<SyncDigests>(message) ||
      std::holds_alternative<SyncEntries>(message) || std::holds_alternative<SyncClaims>(message) ||
      std::holds_alternative<MeasureStore>(message) || std::holds_alternative<SyncFetch>(message);
  return bulk ? std::chrono::seconds(15) : std::chrono::seconds(5);
}

// Empty: not known.
std::string AddressOf(const Scene& scene, const NodeId& node) {
  const auto found = scene.new_addresses->find(node);
  if (found != scene.new_addresses->end()) return found->second;
  const Member* member = scene.state->FindMember(node);
  return member == nullptr ? std::string() : member->address;
}

// The partition of a line of a manifest that this node takes and is no home of, by its bucket's
// rule; nullopt: it is no such line.
std::optional<PartitionId> ForeignLineOf(const Scene& scene, const ReplicaWrite& write) {
  const auto* commit = std::get_if<ReplicaCommit>(&write);
  if (commit == nullptr || scene.state->FindBucket(commit->commit.bucket) == nullptr) return {};
  const PartitionId partition = commit->place.partition;
  const WriteSets sets = WriteSetsOf(scene.state->placement[partition.value()],
                                     scene.RulesOf(commit->commit.bucket).MostHomes());
  const bool is_home =
      std::find(sets.members.begin(), sets.members.end(), scene.self) != sets.members.end();
  return is_home ? std::nullopt : std::optional(partition);
}

}  // namespace

OperationId Outbox::Write(MemberIndex member, const ReplicaWrite& write) {
  if (member == scene_->self) {
    const OperationId operation = Begin();
    if (const auto foreign = ForeignLineOf(*scene_, write)) {
      scene_->foreign->Take(*foreign);
      operations_->MarkForeign(operation, *foreign);
    }
    std::visit([&](const auto& one) { Do(LocalOf(operation, one)); }, write);
    return operation;
  }
  return Ask(scene_->NodeOf(member),
             std::visit([](const auto& one) { return PeerMessage(one); }, write));
}

OperationId Outbox::Claim(MemberIndex member, ReplicaClaims claims) {
  if (member != scene_->self) return Ask(scene_->NodeOf(member), std::move(claims));
  const OperationId operation = Begin();
  Do(StoreClaims{.operation = operation, .claims = std::move(claims)});
  return operation;
}

OperationId Outbox::Stat(MemberIndex member, std::string bucket, std::vector<ChunkPlace> chunks) {
  if (member != scene_->self) {
    return Ask(scene_->NodeOf(member),
               ReplicaStat{.bucket = std::move(bucket), .chunks = std::move(chunks)});
  }
  const OperationId operation = Begin();
  Do(StatChunks{.operation = operation, .bucket = std::move(bucket), .chunks = std::move(chunks)});
  return operation;
}

OperationId Outbox::Read(MemberIndex member, std::string bucket, ChunkPlace chunk) {
  if (member != scene_->self) {
    return Ask(scene_->NodeOf(member),
               ReplicaRead{.bucket = std::move(bucket), .chunks = {std::move(chunk)}});
  }
  const OperationId operation = Begin();
  Do(ReadChunk{.operation = operation, .bucket = std::move(bucket), .chunk = std::move(chunk)});
  return operation;
}

OperationId Outbox::Scan(MemberIndex member, ReplicaScan scan) {
  if (member != scene_->self) return Ask(scene_->NodeOf(member), std::move(scan));
  const OperationId operation = Begin();
  Do(ScanSeconds{.operation = operation,
                 .bucket = std::move(scan.bucket),
                 .partitions = scene_->foreign->With(scan.partitions),
                 .range = scan.range,
                 .dc = std::move(scan.dc),
                 .max_chunks = scan.max_chunks});
  return operation;
}

OperationId Outbox::Ask(const NodeId& node, PeerMessage message) {
  const OperationId operation =
      operations_->Begin(request_, node, WhatFor(message), scene_->time.now);
  const Duration timeout = TimeoutOf(message);
  Do(AskPeer{.operation = operation,
             .to = node,
             .address = AddressOf(*scene_, node),
             .sender = scene_->AsSender(),
             .message = std::move(message),
             .timeout = timeout});
  return operation;
}

}  // namespace carillon
