#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bucket.h"
#include "base/bytes.h"
#include "base/hash.h"
#include "base/ids.h"
#include "base/status.h"
#include "ring/boot_id.h"
#include "ring/tenant_section.h"

// The one versioned document that all nodes of a cluster agree on. Plain data, validity, queries;
// how it changes is elsewhere (bucket_change.h, tenant_change.h, change_plan.h, ownership.h).
// Version v + 1 is chosen by a majority of the voters of v (register_proposer.h).
namespace carillon {

inline constexpr std::uint32_t kMinPartitionBits = 3;   // Q = 8
inline constexpr std::uint32_t kMaxPartitionBits = 12;  // Q = 4,096
inline constexpr std::uint32_t kDefaultPartitionBits = 6;
inline constexpr std::size_t kMaxMembers = 1024;
inline constexpr std::size_t kMaxBuckets = 1024;
inline constexpr std::size_t kMaxStagedChanges = 1024;
inline constexpr std::size_t kMaxNoteBytes = 256;
inline constexpr std::size_t kMaxAddressBytes = 256;
inline constexpr std::uint32_t kDefaultWeight = 100;
inline constexpr std::uint32_t kMaxWeight = 10'000;
inline constexpr char kDefaultBucket[] = "events";
inline constexpr char kRollupsBucket[] = "rollups";
inline constexpr char kDefaultRack[] = "rack1";

enum class MemberRole : std::uint8_t {
  kJoining,  // known and trusted, owns nothing, no voter: until a plan is committed
  kNormal,
  kLeaving,  // gives up what it owns, and is forgotten when it owns nothing; still a voter
};
std::string_view ToString(MemberRole role);

struct Member {
  NodeId node;
  std::string name;
  std::string address;  // HOST:PORT of its gRPC, and of its gossip over UDP; empty: not known yet
  std::string rack = kDefaultRack;        // its failure domain
  std::uint32_t weight = kDefaultWeight;  // its share of the partitions; 0: none
  MemberRole role = MemberRole::kNormal;
  // Two processes ran as this node, and this life of it was ruled to be the rightful one: whoever
  // runs as this node and has it not among its own lives is a copy. {0, 0}: never in question.
  BootId life;
  friend bool operator==(const Member&, const Member&) = default;
};

// Whether nothing is asked of a member any more: it is being removed, or owned nothing.
inline bool IsGoneForGood(const Member& member) {
  return member.role == MemberRole::kLeaving && member.weight == 0;
}

// Of a partition whose homes change (reliability: STABLE, DUAL, READNEW, STABLE).
enum class Phase : std::uint8_t {
  kStable,   // `homes` serve
  kDual,     // writes need w of `homes` and w of `next`; reads ask `homes`; `next` pull the data
  kReadNew,  // writes as in kDual; reads ask `next`, then `homes`; `next` verify once more
};
std::string_view ToString(Phase phase);

// Who has a partition. Members are indexes into ClusterState::members; lists are primary first,
// and a bucket of n_val n uses the first n of them.
struct PartitionHomes {
  std::vector<std::uint16_t> homes;
  std::vector<std::uint16_t> next;    // empty when stable
  std::vector<std::uint16_t> ready;   // ascending; of `next`: done with this phase
  std::vector<std::uint16_t> target;  // where it goes when its turn comes; empty: nowhere
  Phase phase = Phase::kStable;
  // The version that made homes, next, and phase, or the rule of a bucket, as they are.
  StateVersion changed{1};
  friend bool operator==(const PartitionHomes&, const PartitionHomes&) = default;
};

// What an admin wants of the ring, not planned yet.
struct StagedChange {
  enum class Kind : std::uint8_t {
    kJoin,       // node, a kJoining member, becomes normal
    kLeave,      // node gives everything up and goes
    kReplace,    // other, a kJoining member, takes the place of node
    kRemove,     // node, dead for good, goes; nothing is asked of it
    kWeight,     // node gets `weight`
    kRack,       // node gets `rack`
    kSplit,      // every partition becomes two
    kRebalance,  // nothing but a better placement
  };
  Kind kind = Kind::kRebalance;
  NodeId node;
  NodeId other;
  std::uint32_t weight = 0;
  std::string rack;
  friend bool operator==(const StagedChange&, const StagedChange&) = default;
};
std::string_view ToString(StagedChange::Kind kind);

// What a commit will carry out, exactly: made from one version, void when the ring has changed.
struct SavedPlan {
  Uuid id;
  // By partition of the ring as it will be; the homes it shall have. Indexes of today's members.
  std::vector<std::vector<std::uint16_t>> targets;
  friend bool operator==(const SavedPlan&, const SavedPlan&) = default;
};

// How many homes a bucket uses, and how many of them must have a write before it is acknowledged.
struct ReplicaRule {
  std::uint32_t n_val = 3;
  std::uint32_t w = 2;  // 1..n_val
  friend bool operator==(const ReplicaRule&, const ReplicaRule&) = default;
};
inline ReplicaRule RuleOf(const BucketProperties& bucket) {
  return {.n_val = bucket.n_val, .w = bucket.AcksWanted()};
}

// Buckets whose rule has changed, until every home has what was acknowledged by the rule before:
// so long writes and reads satisfy both rules (preference_list.h, settling.h).
struct SettlingRules {
  StateVersion since;                         // the last of these changes
  std::map<std::string, ReplicaRule> before;  // of these buckets; never empty
  std::vector<std::uint16_t> ready;           // members that have pulled since; ascending
  friend bool operator==(const SettlingRules&, const SettlingRules&) = default;
};

struct ClusterState {
  Uuid cluster;
  std::uint64_t generation = 0;  // +1 by every force-recover
  StateVersion version;          // from 1; each change makes the next
  Hash128Value previous;         // hash of the state before; zero for the first
  Uuid change;                   // random, of the proposal that made this version
  std::string note;              // what this version changed, for people
  std::uint32_t partition_bits = kDefaultPartitionBits;
  std::vector<Member> members;            // by node id
  std::vector<PartitionHomes> placement;  // of each of the 2^partition_bits partitions
  std::map<std::string, BucketProperties> buckets;
  std::vector<StagedChange> staged;
  std::optional<SavedPlan> plan;
  bool paused = false;  // moves go on no further
  TenantSection tenants;
  std::optional<SettlingRules> settling;

  std::size_t partitions() const { return std::size_t{1} << partition_bits; }
  // nullptr: no such bucket.
  const BucketProperties* FindBucket(const std::string& name) const;
  // nullptr: no member.
  const Member* FindMember(const NodeId& node) const;
  std::optional<std::uint16_t> IndexOf(const NodeId& node) const;
  // The greatest n_val of all buckets: as many homes a partition has, if there are so many members.
  std::uint32_t MaxReplicas() const;
  // Whether a partition is not stable or waits for its turn.
  bool IsMoving() const;
  friend bool operator==(const ClusterState&, const ClusterState&) = default;
};

// A cluster of one: version 1, buckets `events` and `rollups`.
ClusterState FirstState(const Uuid& cluster, const Member& founder, std::uint32_t partition_bits);

// What every change begins with: a copy with the next version, chained to `state`, and `note`.
// `change` must be given by the proposer before it is proposed.
ClusterState NextVersionOf(const ClusterState& state, std::string note);

// Whose majority chooses the next version, by node id: all normal and leaving members up to
// kAllVoters; of more, kSomeVoters, spread over the racks.
inline constexpr std::size_t kAllVoters = 9;
inline constexpr std::size_t kSomeVoters = 7;
std::vector<NodeId> VotersOf(const ClusterState& state);

// INVALID_ARGUMENT names what is wrong: ranges, names, a partition without a home, a home twice,
// a phase without its lists.
Status Validate(const ClusterState& state);

// Whether `next` may follow `state`: chain, cluster, generation, legal steps of every partition
// (and Validate(next)). INVALID_ARGUMENT says why not.
Status ValidateStep(const ClusterState& state, const ClusterState& next);

// Canonical: equal states are equal bytes (docs/FORMATS.md, "Cluster state").
Bytes EncodeClusterState(const ClusterState& state);
// DATA_LOSS: malformed, or not valid.
StatusOr<ClusterState> DecodeClusterState(ByteSpan bytes);

// Of the canonical bytes: what the next version's `previous` must be. Cost: encodes the state.
Hash128Value HashOf(const ClusterState& state);

}  // namespace carillon
