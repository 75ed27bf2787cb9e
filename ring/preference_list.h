#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
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

// By what a bucket is kept: its rule; and while that settles (settling.h), the one before.
struct BucketRules {
  ReplicaRule now;
  std::optional<ReplicaRule> before;
  // As many homes may have something of it.
  std::uint32_t MostHomes() const {
    return before ? std::max(now.n_val, before->n_val) : now.n_val;
  }
};
// Requires: the bucket exists.
BucketRules RulesOf(const ClusterState& state, const std::string& bucket);

// Homes of which so many must do something.
struct Quorum {
  std::vector<MemberIndex> homes;
  std::uint32_t wanted = 1;  // at most as many as there are homes
};
// All of which a write needs before it is acknowledged: by each rule, among the homes, and among
// the next homes.
std::vector<Quorum> WriteQuorumsOf(const PartitionHomes& partition, const BucketRules& rules);
// All of which a read needs to find whatever is acknowledged: of each rule n - w + 1 of the homes
// that serve reads in this phase.
std::vector<Quorum> ReadQuorumsOf(const PartitionHomes& partition, const BucketRules& rules);
// Who is worth asking beside them: in READNEW, of each rule as many of the homes before. They have
// what a new home was too late for, which it gets with its second pull. Otherwise none.
std::vector<Quorum> FormerQuorumsOf(const PartitionHomes& partition, const BucketRules& rules);

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

// Who votes on claims of a partition, and how many votes decide: a majority, and no fewer than w.
// While it has new homes that are not read from, or its bucket's rule settles: who votes after
// them, and how many of them must know what a vote came to. They vote by the rule before.
struct ClaimHomes {
  Quorum voters;
  std::vector<Quorum> next;  // some may be voters; empty: the voters stay
};
ClaimHomes ClaimHomesOf(const PartitionHomes& partition, const BucketRules& rules);

// How many acknowledgements make a write durable in a set of `homes` homes: w, or all of them.
std::uint32_t AcksWantedOf(const BucketProperties& bucket, std::size_t homes);

}  // namespace carillon
