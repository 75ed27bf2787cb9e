#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/bucket.h"
#include "base/bytes.h"
#include "base/chunk_info.h"
#include "base/claim.h"
#include "base/hash.h"
#include "base/ids.h"
#include "ring/cluster_state.h"
#include "ring/register_messages.h"
#include "server/node/chunk_place.h"

// What nodes ask of each other, as plain data. The shell carries it in frames (server/peer), the
// simulator as it is. Every request carries who sends it and under which cluster state
// (PeerSender); every reply may bring a newer state.
namespace carillon {

struct PeerSender {
  Uuid cluster;
  NodeId node;
  std::uint64_t generation = 0;
  StateVersion version;
  BootId boot;  // the sender's life; {0, 0}: does not say
};

// --- Requests.

// Store a replica, as a home or as a fallback: whoever receives it stores it. -> WriteReply
struct ReplicaPut {
  StorePlace place;
  std::string bucket;
  ChunkKey key;
  Rope value;
  std::uint32_t value_crc = 0;
  std::uint64_t ttl_seconds = 0;
  SyncMode sync = SyncMode::kAlways;
};
struct ReplicaCommit {  // -> WriteReply
  StorePlace place;
  Commit commit;
  std::uint64_t ttl_seconds = 0;
  SyncMode sync = SyncMode::kAlways;
};
using ReplicaWrite = std::variant<ReplicaPut, ReplicaCommit>;
struct ReplicaStat {  // -> StatReply
  std::string bucket;
  std::vector<ChunkPlace> chunks;
};
struct ReplicaRead {  // -> ReadReply
  std::string bucket;
  std::vector<ChunkPlace> chunks;
};
inline constexpr std::uint32_t kMaxListedChunks = 10'000;  // of a page of manifests
struct ReplicaScan {                                       // -> ScanReply
  std::string bucket;
  std::vector<PartitionId> partitions;  // ascending
  EpochRange range;
  std::string dc;
  std::size_t max_chunks = 0;  // 1..kMaxListedChunks
};
// The three steps of a sync (sync_target.h). Answered only by who has the partition's phase.
struct SyncDigests {  // -> DigestsReply
  PartitionId partition;
};
struct SyncEntries {  // -> EntriesReply
  PartitionId partition;
  std::string bucket;
  std::uint64_t hour = 0;
  Bytes after;  // EntriesReply::next of the page before; empty: the first
};
struct SyncFetch {  // -> ReadReply
  PartitionId partition;
  std::string bucket;
  std::vector<ChunkKey> keys;
};
// "I hold data of this partition and am no home of it: pull it from me." -> OfferReply
struct SyncOffer {
  PartitionId partition;
};
// "Let me in": adds a member that is joining, or tells its new address. -> StateReply
struct JoinCluster {
  Member member;
};
// Besides, a RegisterMessage (ring/register_messages.h), which is only acknowledged: answers to it
// are messages of their own. -> no value
struct EchoRequest {  // -> EchoReply: the data path works
  Bytes payload;
};
// Claims to be stored by a home: a vote is asked for, or something is told. All sets together have
// 1 to kMaxClaims claims. -> ClaimsReply
struct ReplicaClaims {
  std::string bucket;
  ClaimMode mode = ClaimMode::kVote;
  SyncMode sync = SyncMode::kAlways;
  std::vector<ClaimSet> sets;  // none is empty
};
// The claims of a slot, as SyncEntries. -> ClaimEntriesReply
struct SyncClaims {
  PartitionId partition;
  std::string bucket;
  std::uint64_t slot = 0;
  Bytes after;
};

// "How much do you hold?" For plans of the ring. -> SizesReply
struct MeasureStore {};

using PeerMessage =
    std::variant<ReplicaPut, ReplicaCommit, ReplicaStat, ReplicaRead, ReplicaScan, SyncDigests,
                 SyncEntries, SyncFetch, SyncOffer, JoinCluster, EchoRequest, RegisterMessage,
                 ReplicaClaims, SyncClaims, MeasureStore>;

// --- Replies.

struct WriteReply {
  bool already_stored = false;
};
struct StatReply {
  std::vector<std::optional<ChunkFound>> found;  // in the order asked
};
struct ReplicaValue {
  Status status;  // NOT_FOUND: not stored here; DATA_LOSS: stored and damaged
  SharedBytes value;
  std::uint32_t value_crc = 0;
};
struct ReadReply {
  std::vector<ReplicaValue> values;  // in the order asked; may be fewer: ask for the rest again
};
// A writer's seal as its home heard it.
struct HeardSealLine {
  std::string dc;
  Seal seal;
  std::uint64_t heard_at = 0;  // seconds since 1970
};
struct ScanReply {
  std::vector<Second> seconds;
  std::optional<Epoch> next_from;
  std::vector<HeardSealLine> seals;  // of the bucket
};
struct DigestLine {
  std::string bucket;
  std::uint64_t hour = 0;
  std::uint64_t count = 0;
  Hash128Value sum;
  friend bool operator==(const DigestLine&, const DigestLine&) = default;
};
struct DigestsReply {
  std::vector<DigestLine> lines;  // by bucket, then hour
};
struct EntryLine {
  bool manifest = false;        // a line of a manifest; else a chunk
  ChunkInfo info;               // of a chunk: key, value_bytes, value_crc
  std::uint64_t expire_at = 0;  // seconds since 1970; 0: never
};
struct EntriesReply {
  std::vector<EntryLine> entries;
  Bytes next;  // empty: no more
};
// How far the pull that was asked for has come.
struct OfferReply {
  bool done = false;
  DigestLine
      total;  // when done: the sum of the offerer's digests that was pulled (no bucket, hour)
};
struct StateReply {
  SharedState state;
};
struct EchoReply {
  Bytes payload;
};
// The claims that are stored as they were asked are not named.
struct ClaimsReply {
  std::vector<OtherClaim> others;  // places count through all sets, ascending
};
struct ClaimEntriesReply {
  std::vector<StoredClaim> claims;
  Bytes next;  // empty: no more
};

struct SizeLine {  // of a partition
  PartitionId partition;
  std::uint64_t chunks = 0;
  std::uint64_t bytes = 0;  // of their values
  friend bool operator==(const SizeLine&, const SizeLine&) = default;
};
struct SizesReply {
  std::vector<SizeLine> partitions;  // ascending; those that have a chunk
  std::uint64_t free_bytes = 0;      // before the replier's disks count as full
};

using PeerValue = std::variant<std::monostate, WriteReply, StatReply, ReadReply, ScanReply,
                               DigestsReply, EntriesReply, OfferReply, StateReply, EchoReply,
                               ClaimsReply, ClaimEntriesReply, SizesReply>;

struct PeerReply {
  Status status;  // OK: `value` is of the kind the request wants
  // The request was made under an older ring than its partition's last change: nothing was done.
  bool stale_sender = false;
  // Another process runs as the sender: nothing was done.
  bool copied_sender = false;
  StateVersion version;  // of the replier
  SharedState newer;     // of a stale sender: the replier's state
  PeerValue value;
};

}  // namespace carillon
