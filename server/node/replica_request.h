#pragma once

#include <optional>
#include <vector>

#include "server/node/input.h"
#include "server/node/outbox.h"

namespace carillon {

// One request of another node about what is stored here, from the fence to the reply: nothing but
// this node's store is asked.
//
//   Start --> working --the store has answered--> replied
//
// Pure. One owner at a time.
class ReplicaRequest {
 public:
  // Requires: passed by the fence; a message that is about the store, or an EchoRequest.
  explicit ReplicaRequest(PeerRequest input);

  void Start(Outbox* out);
  void Handle(const WriteDone& done, Outbox* out);
  void Handle(StatDone done, Outbox* out);
  void Handle(ReadDone done, Outbox* out);
  void Handle(ScanDone done, Outbox* out);
  void Handle(DigestsDone done, Outbox* out);
  void Handle(EntriesDone done, Outbox* out);
  void Handle(ClaimsDone done, Outbox* out);
  void Handle(ClaimsListed done, Outbox* out);
  void Handle(MeasuredDone done, Outbox* out);

  // Whether a write's partition changed while it was under way: it is stored, but may not be in
  // what a new home has pulled, so that it must not count.
  bool IsOvertakenIn(const ClusterState& state) const;
  // Somebody else has replied.
  void Abandon() { replied_ = true; }

  bool done() const { return replied_; }

 private:
  void Begin(ReplicaPut& message, Outbox* out);
  void Begin(ReplicaCommit& message, Outbox* out);
  void Begin(ReplicaStat& message, Outbox* out);
  void Begin(ReplicaRead& message, Outbox* out);
  void Begin(ReplicaScan& message, Outbox* out);
  void Begin(SyncDigests& message, Outbox* out);
  void Begin(SyncEntries& message, Outbox* out);
  void Begin(SyncFetch& message, Outbox* out);
  void Begin(SyncOffer& message, Outbox* out);
  void Begin(JoinCluster& message, Outbox* out);
  void Begin(EchoRequest& message, Outbox* out);
  void Begin(RegisterMessage& message, Outbox* out);
  void Begin(ReplicaClaims& message, Outbox* out);
  void Begin(SyncClaims& message, Outbox* out);
  void Begin(MeasureStore& message, Outbox* out);
  void ReadAll(const std::string& bucket, std::vector<ChunkPlace> chunks, Outbox* out);
  void Reply(Status status, PeerValue value, Outbox* out);

  PeerRequest input_;
  std::vector<OperationId> reads_;  // of a ReplicaRead or SyncFetch, in the order asked
  ReadReply values_;
  std::vector<PartitionId> written_;  // partitions that are written to
  std::optional<HeardSeal> seal_;     // of a commit: heard when it is durable
  std::size_t reads_done_ = 0;
  bool replied_ = false;
};

}  // namespace carillon
