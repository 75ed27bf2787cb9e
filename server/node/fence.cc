#include "server/node/fence.h"

namespace carillon {
namespace {

std::vector<PartitionId> Of(const ReplicaPut& message) {
  return {message.place.partition};
}
std::vector<PartitionId> Of(const ReplicaCommit& message) {
  return {message.place.partition};
}
std::vector<PartitionId> OfChunks(const std::vector<ChunkPlace>& chunks) {
  std::vector<PartitionId> partitions;
  for (const ChunkPlace& chunk : chunks) partitions.push_back(chunk.partition);
  return partitions;
}
std::vector<PartitionId> Of(const ReplicaStat& message) {
  return OfChunks(message.chunks);
}
std::vector<PartitionId> Of(const ReplicaRead& message) {
  return OfChunks(message.chunks);
}
std::vector<PartitionId> Of(const ReplicaScan& message) {
  return message.partitions;
}
std::vector<PartitionId> Of(const SyncDigests& message) {
  return {message.partition};
}
std::vector<PartitionId> Of(const SyncEntries& message) {
  return {message.partition};
}
std::vector<PartitionId> Of(const SyncFetch& message) {
  return {message.partition};
}
std::vector<PartitionId> Of(const SyncOffer& message) {
  return {message.partition};
}
std::vector<PartitionId> Of(const SyncClaims& message) {
  return {message.partition};
}
std::vector<PartitionId> Of(const JoinCluster& /*message*/) {
  return {};
}
std::vector<PartitionId> Of(const MeasureStore& /*message*/) {
  return {};
}
std::vector<PartitionId> Of(const EchoRequest& /*message*/) {
  return {};
}
std::vector<PartitionId> Of(const RegisterMessage& /*message*/) {
  return {};
}

std::vector<PartitionId> OfClaims(const ReplicaClaims& message, std::uint32_t partition_bits) {
  std::vector<bool> concerned(std::size_t{1} << partition_bits);
  for (const ClaimSet& set : message.sets) {
    for (const PlacedClaim& claim : set.claims) {
      concerned[claim.ring_position >> (16 - partition_bits)] = true;
    }
  }
  std::vector<PartitionId> partitions;
  for (std::size_t p = 0; p < concerned.size(); ++p) {
    if (concerned[p]) partitions.emplace_back(static_cast<std::uint16_t>(p));
  }
  return partitions;
}

}  // namespace

std::vector<PartitionId> PartitionsOf(const PeerMessage& message, std::uint32_t partition_bits) {
  return std::visit(
      [&](const auto& one) {
        if constexpr (std::is_same_v<decltype(one), const ReplicaClaims&>) {
          return OfClaims(one, partition_bits);
        } else {
          return Of(one);
        }
      },
      message);
}

FenceVerdict Fence(const ClusterState& state, const PeerSender& sender,
                   const PeerMessage& message) {
  // Who wants to join may not know which cluster this is.
  const bool is_new = sender.cluster.IsNil() && std::holds_alternative<JoinCluster>(message);
  if (sender.cluster != state.cluster && !is_new) return FenceVerdict::kStranger;
  if (std::holds_alternative<JoinCluster>(message) ||
      std::holds_alternative<RegisterMessage>(message)) {
    return FenceVerdict::kPass;
  }
  if (sender.generation > state.generation || sender.version > state.version) {
    return FenceVerdict::kBehind;
  }
  if (sender.generation < state.generation) return FenceVerdict::kStranger;
  if (state.FindMember(sender.node) == nullptr) {
    // One that has left and does not know it hears so.
    const bool knows = sender.version >= state.version;
    return knows ? FenceVerdict::kStranger : FenceVerdict::kStaleSender;
  }
  for (const PartitionId partition : PartitionsOf(message, state.partition_bits)) {
    if (partition.value() >= state.placement.size() ||
        sender.version < state.placement[partition.value()].changed) {
      return FenceVerdict::kStaleSender;
    }
  }
  return FenceVerdict::kPass;
}

}  // namespace carillon
