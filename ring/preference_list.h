#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "ring/cluster_state.h"

// Whom a request about a partition concerns, in order. Pure functions of the cluster state: who is
// up is the caller's business. Members are indexes of ClusterState::members.
namespace carillon {

using MemberIndex = std::uint16_t;

// The sets in which a write must be acknowledged: one when the partition is stable, two while it
// moves. The first `n_val` homes of each list; never empty.
struct WriteSets {
  std::vector<MemberIndex> homes;
  std::vector<MemberIndex> next;     // empty when stable
  std::vector<MemberIndex> members;  // of both, each once, homes first
};
WriteSets WriteSetsOf(const PartitionHomes& partition, std::uint32_t n_val);

// Whom a read asks, best first: the homes that serve reads in this phase, then those of the other
// list.
std::vector<MemberIndex> ReadOrderOf(const PartitionHomes& partition, std::uint32_t n_val);

// Who else may hold a partition's data, in the order in which writes choose them as fallbacks:
// every member but those in `except`, beginning at a place of the ring that depends on the
// partition, so that the load of a dead node is shared. A member that is leaving comes last.
std::vector<MemberIndex> FallbackOrderOf(const ClusterState& state, PartitionId partition,
                                         const std::vector<MemberIndex>& except);

// The first `limit` of these that are `wanted`. Cost: of members looked at until then, not of all.
std::vector<MemberIndex> FallbacksOf(const ClusterState& state, PartitionId partition,
                                     const std::vector<MemberIndex>& except, std::size_t limit,
                                     const std::function<bool(MemberIndex)>& wanted);

// Who votes on claims of a partition; and, while it has new homes that are not read from, who votes
// after them and must know what a vote came to.
struct ClaimHomes {
  std::vector<MemberIndex> voters;
  std::vector<MemberIndex> next;  // some may be voters; empty: the voters stay
};
ClaimHomes ClaimHomesOf(const PartitionHomes& partition, std::uint32_t n_val);

// How many votes of `homes` homes decide: a majority, and no fewer than w.
std::uint32_t ClaimVotesWantedOf(const BucketProperties& bucket, std::size_t homes);

// How many acknowledgements make a write durable in a set of `homes` homes: w, or all of them.
std::uint32_t AcksWantedOf(const BucketProperties& bucket, std::size_t homes);

// How many homes must be asked so that one of them has every acknowledged write: n - w + 1.
std::uint32_t ReadsWantedOf(const BucketProperties& bucket, std::size_t homes);

}  // namespace carillon
