#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/bucket.h"
#include "base/bytes.h"
#include "base/hash.h"
#include "base/ids.h"
#include "base/status.h"

// The one versioned document that all nodes of a cluster agree on. Plain data, validity, queries;
// how it changes is elsewhere (bucket_change.h).
namespace carillon {

inline constexpr std::uint32_t kMinPartitionBits = 3;   // Q = 8
inline constexpr std::uint32_t kMaxPartitionBits = 12;  // Q = 4,096
inline constexpr std::uint32_t kDefaultPartitionBits = 6;
inline constexpr std::size_t kMaxMembers = 1024;
inline constexpr std::size_t kMaxBuckets = 1024;
inline constexpr char kDefaultBucket[] = "events";
inline constexpr char kRollupsBucket[] = "rollups";

struct Member {
  NodeId node;
  std::string name;
  std::string address;  // HOST:PORT of its gRPC; empty: not known yet
  friend bool operator==(const Member&, const Member&) = default;
};

struct ClusterState {
  Uuid cluster;
  StateVersion version;   // from 1; each change makes the next
  Hash128Value previous;  // hash of the state before; zero for the first
  std::uint32_t partition_bits = kDefaultPartitionBits;
  std::vector<Member> members;  // by node id
  // For each of the 2^partition_bits partitions its homes, primary first: indexes of `members`.
  std::vector<std::vector<std::uint16_t>> placement;
  std::map<std::string, BucketProperties> buckets;

  std::size_t partitions() const { return std::size_t{1} << partition_bits; }
  // nullptr: no such bucket.
  const BucketProperties* FindBucket(const std::string& name) const;
  friend bool operator==(const ClusterState&, const ClusterState&) = default;
};

// A cluster of one: version 1, buckets `events` and `rollups`.
ClusterState FirstState(const Uuid& cluster, const Member& founder, std::uint32_t partition_bits);

// INVALID_ARGUMENT names what is wrong: ranges, names, a partition without a home, a home twice.
Status Validate(const ClusterState& state);

// Canonical: equal states are equal bytes (docs/FORMATS.md, "Cluster state").
Bytes EncodeClusterState(const ClusterState& state);
// DATA_LOSS: malformed, or not valid.
StatusOr<ClusterState> DecodeClusterState(ByteSpan bytes);

// Of the canonical bytes: what the next version's `previous` must be.
Hash128Value HashOf(const ClusterState& state);

}  // namespace carillon
