#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "ring/change_plan.h"
#include "ring/cluster_state.h"
#include "ring/gossip_message.h"
#include "ring/ring_register.h"
#include "server/node/identity_guard.h"
#include "server/node/input.h"
#include "server/node/peer_messages.h"

// Everything a node can want done, as plain data, in the order it is to be done.
namespace carillon {

// --- On this node's store. Each is answered by exactly one completion with its operation.

struct StoreChunk {  // -> WriteDone
  OperationId operation;
  StorePlace place;
  std::string bucket;
  ChunkKey key;
  Rope value;
  std::uint32_t value_crc = 0;
  std::uint64_t ttl_seconds = 0;
  SyncMode sync = SyncMode::kAlways;
};
struct StoreCommit {  // -> WriteDone
  OperationId operation;
  StorePlace place;
  Commit commit;
  std::uint64_t ttl_seconds = 0;
  SyncMode sync = SyncMode::kAlways;
};
struct StoreClaims {  // -> ClaimsDone
  OperationId operation;
  ReplicaClaims claims;
};
struct StatChunks {  // -> StatDone
  OperationId operation;
  std::string bucket;
  std::vector<ChunkPlace> chunks;
};
struct ReadChunk {  // -> ReadDone
  OperationId operation;
  std::string bucket;
  ChunkPlace chunk;
};
struct ScanSeconds {  // -> ScanDone
  OperationId operation;
  std::string bucket;
  std::vector<PartitionId> partitions;  // ascending
  EpochRange range;
  std::string dc;
  std::size_t max_chunks = 0;
};
// For sync (sync_target.h).
struct ListDigests {  // -> DigestsDone
  OperationId operation;
  PartitionId partition;
};
struct ListEntries {  // -> EntriesDone
  OperationId operation;
  PartitionId partition;
  std::string bucket;
  std::uint64_t hour = 0;
  Bytes after;
};
struct ListClaims {  // -> ClaimsListed
  OperationId operation;
  PartitionId partition;
  std::string bucket;
  std::uint64_t slot = 0;
  Bytes after;
};
struct ListHeld {  // -> HeldDone: the partitions that have entries here
  OperationId operation;
};
struct MeasureHeld {  // -> MeasuredDone: how much of each partition is here
  OperationId operation;
};
// Forgets a partition and frees its space, provided that its digests still sum up to `total`.
struct DropPartition {  // -> DropDone
  OperationId operation;
  PartitionId partition;
  DigestLine total;
};
// From here on the store goes by 2^partition_bits partitions. While it is under way, what the store
// says of partitions by their numbers may be of the old ones or of the new.
struct RenumberStore {  // -> RenumberDone
  OperationId operation;
  std::uint32_t partition_bits = 0;
};
// Makes a part of the register durable, before anything that depends on it is said. -> SavedDone
struct SaveRing {
  OperationId operation;
  std::variant<AcceptorState, SharedState, Dispute> what;
};

// --- To other nodes.

struct AskPeer {  // -> PeerReplied, exactly once, after `timeout` at the latest
  OperationId operation;
  NodeId to;
  std::string address;  // empty: unknown, answered UNAVAILABLE
  PeerSender sender;
  PeerMessage message;
  Duration timeout{};
};
// The answer to a PeerRequest.
struct AnswerPeer {
  RequestId request;
  PeerReply reply;
};
struct SendGossip {  // best effort
  std::string address;
  GossipMessage message;
};
// Something that people must know: logged, counted.
struct Alarm {
  std::string text;
};

// --- To clients. A request gets exactly one Answer, or items and then exactly one StreamEnd.

struct WriteCost {
  std::uint32_t replicas_written = 0;
  std::uint64_t bytes_between_nodes = 0;
};
struct WriteAnswer {
  WriteCost cost;
  bool already_stored = false;
};
struct SecondsAnswer {
  std::vector<Second> seconds;
  std::optional<Epoch> next_from;
  std::vector<std::pair<std::string, Epoch>> watermarks;  // by dc
  // Too few homes could be asked: acknowledged commits may be missing, and no second is complete.
  bool partial = false;
};
struct ClaimsAnswer {
  std::vector<ClaimVerdict> verdicts;  // in the order asked
};
struct BucketAnswer {
  std::string name;
  BucketProperties properties;
};
// What an admin's request came to.
struct RingAnswer {
  SharedState state;                       // as it is now
  std::shared_ptr<const ChangePlan> plan;  // of a PlanInput
  std::vector<PartitionId> lost;           // of a RecoverInput: their data are gone
};
struct Answer {
  RequestId request;
  Status status;  // when not OK, `value` is empty
  std::variant<std::monostate, WriteAnswer, SecondsAnswer, BucketAnswer, RingAnswer, ClaimsAnswer>
      value;
  StateVersion version;
};

// An item of GetChunks (a key's value or error), or of ReadRange (a chunk, or the end of a second).
struct StreamItem {
  RequestId request;
  enum class Kind { kChunk, kSecondEnd } kind = Kind::kChunk;
  std::string key;  // of a chunk: as asked for, or as the manifest has it
  ChunkInfo info;   // of a chunk of a range
  Status status;    // of a chunk; when not OK, no value
  SharedBytes value;
  std::uint32_t value_crc = 0;
  Epoch epoch;  // of the end of a second
  std::string dc;
  bool complete = false;
};
struct StreamEnd {
  RequestId request;
  Status status;
};

using Effect = std::variant<StoreChunk, StoreCommit, StoreClaims, StatChunks, ReadChunk,
                            ScanSeconds, ListDigests, ListEntries, ListClaims, ListHeld,
                            MeasureHeld, DropPartition, RenumberStore, SaveRing, AskPeer,
                            AnswerPeer, SendGossip, Alarm, Answer, StreamItem, StreamEnd>;
using Effects = std::vector<Effect>;

}  // namespace carillon
