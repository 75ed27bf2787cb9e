#pragma once

#include <vector>

#include "ring/cluster_state.h"
#include "server/node/peer_messages.h"

// Which requests of other nodes this node may carry out under its cluster state. Pure.
namespace carillon {

enum class FenceVerdict : std::uint8_t {
  kPass,
  kStranger,     // of another cluster, an older generation, or no member: refused
  kStaleSender,  // made under a ring from before the last change of one of its partitions
  kBehind,       // this node's state is older than the sender's: to be looked at again later
};

// A message to the register, and the joining of a new node, are only checked for the cluster.
FenceVerdict Fence(const ClusterState& state, const PeerSender& sender, const PeerMessage& message);

// The partitions a request concerns, as its sender numbers them; those of claims, each once, as
// they are numbered when there are 2^partition_bits.
std::vector<PartitionId> PartitionsOf(const PeerMessage& message, std::uint32_t partition_bits);

}  // namespace carillon
