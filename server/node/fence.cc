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
std::vector<PartitionId> Of(const JoinCluster& /*message*/) {
  return {};
}
std::vector<PartitionId> Of(const EchoRequest& /*message*/) {
  return {};
}
std::vector<PartitionId> Of(const RegisterMessage& /*message*/) {
  return {};
}

}  // namespace

std::vector<PartitionId> PartitionsOf(const PeerMessage& message) {
  return std::visit([](const auto& one) { return Of(one); }, message);
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
  for (const PartitionId partition : PartitionsOf(message)) {
    if (partition.value() >= state.placement.size() ||
        sender.version < state.placement[partition.value()].changed) {
      return FenceVerdict::kStaleSender;
    }
  }
  return FenceVerdict::kPass;
}

}  // namespace carillon
