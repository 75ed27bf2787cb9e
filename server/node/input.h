#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/bucket.h"
#include "base/bytes.h"
#include "base/chunk_info.h"
#include "base/chunk_key.h"
#include "base/clock.h"
#include "base/ids.h"
#include "base/status.h"
#include "ring/change_plan.h"
#include "ring/gossip_message.h"
#include "server/node/chunk_place.h"
#include "server/node/peer_messages.h"

// Everything a node can be told, as plain data: what clients ask, and how effects ended.
namespace carillon {

// A client's request, from its arrival to its answer. Chosen by the shell, never reused.
using RequestId = Id<struct RequestTag, std::uint64_t>;
// An effect that will be answered by exactly one completion. Chosen by the node.
using OperationId = Id<struct OperationTag, std::uint64_t>;

struct NodeTime {
  Instant now;
  WallTime wall;
};

// What the sender believed of the ring. version 0: it knows nothing, and is routed.
struct Route {
  StateVersion version;
  PartitionId partition;
};

struct ChunkFilter {  // empty: everything
  std::string dc;
  std::string cell;
  std::string type;
  std::optional<std::string> subtype;

  bool Matches(const ChunkKey& key) const {
    return (dc.empty() || key.dc == dc) && (cell.empty() || key.cell == cell) &&
           (type.empty() || key.type == type) && (!subtype || key.subtype == *subtype);
  }
};

// --- What clients ask. Strings are as they came: the node checks them.

struct PutChunkInput {
  RequestId request;
  Route route;
  std::string bucket;
  std::string key;
  Rope value;
  std::uint32_t value_crc = 0;  // the sender's; the shell has found `value` to have computed_crc
  std::uint32_t computed_crc = 0;
};
struct CommitInput {
  RequestId request;
  Route route;
  Commit commit;
};
struct ClaimInput {  // -> ClaimsAnswer
  RequestId request;
  ClaimOrder order;
  std::optional<Instant> deadline;  // what is not decided then is undecided
};
struct ListSecondsInput {
  RequestId request;
  std::string bucket;
  EpochRange range;
  ChunkFilter filter;
  std::uint32_t max_chunks = 0;  // 0: kMaxListedChunks
  bool allow_partial = false;    // too few homes: what there is, not UNAVAILABLE
};
// Streams: items are emitted while the consumer has credit (CreditInput).
struct GetChunksInput {
  RequestId request;
  std::string bucket;
  std::vector<std::string> keys;
  std::uint32_t credit = 0;  // items the consumer can take without saying so
};
struct ReadRangeInput {
  RequestId request;
  std::string bucket;
  EpochRange range;
  ChunkFilter filter;
  std::uint64_t max_events = 0;  // 0: no limit
  bool allow_partial = false;    // as above
};
// The consumer of a stream can take `items` more.
struct CreditInput {
  RequestId request;
  std::uint32_t items = 0;
};
// Nobody waits for the answer any more. Whatever is under way is finished and forgotten.
struct CancelInput {
  RequestId request;
};
struct CreateBucketInput {
  RequestId request;
  std::string name;
  BucketChange properties;
  std::optional<Instant> deadline;  // what nobody has accepted then is dropped
};
struct SetBucketInput {
  RequestId request;
  std::string name;
  BucketChange change;
  std::optional<Instant> deadline;  // as of CreateBucketInput
};
// A change of the ring, made by an admin or by a member that joins: made anew when another change
// comes first, refused then if `expected` is given. -> RingAnswer
struct RingChangeInput {
  RequestId request;
  std::optional<StateVersion> expected;
  std::function<StatusOr<ClusterState>(const ClusterState&)> change;  // pure
  std::optional<Instant> deadline;                                    // as of CreateBucketInput
};
// A majority of the voters is gone for good: `survivors` go on without them (force_recover.h).
// -> RingAnswer
struct RecoverInput {
  RequestId request;
  std::vector<NodeId> survivors;
  Uuid change;  // random
};
// What a commit of the staged changes would do; with `save` it becomes the plan. What members hold,
// and what room they have, is asked of them first (PlanSizes). -> RingAnswer
struct PlanInput {
  RequestId request;
  Uuid id;  // random, for the plan that is saved
  bool save = false;
  PlanFacts facts;
  std::optional<Instant> deadline;  // as of CreateBucketInput
};

// Pull now whatever the other homes of this node's partitions have and this node lacks.
// -> RingAnswer
struct RepairInput {
  RequestId request;
};

// --- How effects ended.

// `stale_ring`: another node knows a newer ring, or this one is about to number its partitions
// anew; nothing was done, and `status` is not OK.

struct WriteDone {
  OperationId operation;
  Status status;
  bool already_stored = false;
  bool stale_ring = false;
};
struct ClaimsDone {
  OperationId operation;
  Status status;
  std::vector<OtherClaim> others;  // as of a ClaimsReply
  bool stale_ring = false;
};
struct StatDone {
  OperationId operation;
  Status status;
  std::vector<std::optional<ChunkFound>> found;  // in the order asked
  bool stale_ring = false;
};
struct ReadDone {
  OperationId operation;
  Status status;
  SharedBytes value;
  std::uint32_t value_crc = 0;
  bool stale_ring = false;
};
struct ScanDone {
  OperationId operation;
  Status status;
  std::vector<Second> seconds;
  std::optional<Epoch> next_from;
  std::vector<HeardSealLine> seals;  // from another node: what it has heard
  bool stale_ring = false;
};
struct HourName {
  std::string bucket;
  std::uint64_t hour = 0;
  friend auto operator<=>(const HourName&, const HourName&) = default;
};
struct DigestsDone {
  OperationId operation;
  Status status;
  std::vector<DigestLine> lines;
  std::vector<HourName> damaged;  // hours with entries that are damaged here: digests do not tell
};
struct EntriesDone {
  OperationId operation;
  Status status;
  EntriesReply page;
};
struct ClaimsListed {
  OperationId operation;
  Status status;
  ClaimEntriesReply page;
};
struct HeldDone {
  OperationId operation;
  Status status;
  std::vector<PartitionId> partitions;  // ascending
};
struct MeasuredDone {
  OperationId operation;
  Status status;
  SizesReply sizes;
};
struct DropDone {
  OperationId operation;
  Status status;
  bool dropped = false;  // false: it has changed
};
struct RenumberDone {
  OperationId operation;
  Status status;
};
struct SavedDone {
  OperationId operation;
  Status status;
};
struct PeerReplied {
  OperationId operation;
  PeerReply reply;
};

// --- From other nodes, and from the clock.

struct PeerRequest {  // -> AnswerPeer
  RequestId request;
  PeerSender sender;
  PeerMessage message;
};
struct GossipReceived {
  GossipMessage message;
  std::string address = {};  // HOST:PORT it came from; empty: not known
};
struct StartInput {};  // the first of all: begins to gossip and to look after the ring
struct TickInput {};   // Node::Deadline has come

using Input =
    std::variant<PutChunkInput, CommitInput, ClaimInput, ListSecondsInput, GetChunksInput,
                 ReadRangeInput, CreditInput, CancelInput, CreateBucketInput, SetBucketInput,
                 RingChangeInput, PlanInput, RecoverInput, RepairInput, WriteDone, ClaimsDone,
                 StatDone, ReadDone, ScanDone, DigestsDone, EntriesDone, ClaimsListed, HeldDone,
                 MeasuredDone, DropDone, RenumberDone, SavedDone, PeerReplied, PeerRequest,
                 GossipReceived, StartInput, TickInput>;

}  // namespace carillon
