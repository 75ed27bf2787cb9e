#include "server/node/replica_request.h"

#include <algorithm>

#include "base/check.h"
#include "server/node/fence.h"

namespace carillon {

ReplicaRequest::ReplicaRequest(PeerRequest input) : input_(std::move(input)) {}

void ReplicaRequest::Start(Outbox* out) {
  if (std::holds_alternative<ReplicaPut>(input_.message) ||
      std::holds_alternative<ReplicaCommit>(input_.message) ||
      std::holds_alternative<ReplicaClaims>(input_.message)) {
    written_ = PartitionsOf(input_.message, out->scene().state->partition_bits);
  }
  std::visit([&](auto& message) { Begin(message, out); }, input_.message);
}

void ReplicaRequest::Reply(Status status, PeerValue value, Outbox* out) {
  if (replied_) return;
  replied_ = true;
  out->Do(AnswerPeer{.request = input_.request,
                     .reply = {.status = std::move(status),
                               .stale_sender = false,
                               .copied_sender = false,
                               .version = out->scene().state->version,
                               .newer = {},
                               .value = std::move(value)}});
}

void ReplicaRequest::Begin(ReplicaPut& message, Outbox* out) {
  out->Write(out->scene().self, ReplicaWrite(std::move(message)));
}

void ReplicaRequest::Begin(ReplicaCommit& message, Outbox* out) {
  if (message.commit.seal) {
    seal_ = HeardSeal{.bucket = message.commit.bucket,
                      .dc = message.commit.dc,
                      .seal = *message.commit.seal,
                      .heard_at = out->scene().now_seconds()};
  }
  out->Write(out->scene().self, ReplicaWrite(std::move(message)));
}

void ReplicaRequest::Begin(ReplicaStat& message, Outbox* out) {
  out->Stat(out->scene().self, std::move(message.bucket), std::move(message.chunks));
}

void ReplicaRequest::Begin(ReplicaRead& message, Outbox* out) {
  ReadAll(message.bucket, std::move(message.chunks), out);
}

void ReplicaRequest::Begin(ReplicaScan& message, Outbox* out) {
  out->Scan(out->scene().self, message);
}

void ReplicaRequest::Begin(SyncDigests& message, Outbox* out) {
  out->Do(ListDigests{.operation = out->Begin(), .partition = message.partition});
}

void ReplicaRequest::Begin(SyncEntries& message, Outbox* out) {
  out->Do(ListEntries{.operation = out->Begin(),
                      .partition = message.partition,
                      .bucket = message.bucket,
                      .hour = message.hour,
                      .after = message.after});
}

void ReplicaRequest::Begin(ReplicaClaims& message, Outbox* out) {
  out->Claim(out->scene().self, std::move(message));
}

void ReplicaRequest::Begin(SyncClaims& message, Outbox* out) {
  out->Do(ListClaims{.operation = out->Begin(),
                     .partition = message.partition,
                     .bucket = message.bucket,
                     .slot = message.slot,
                     .after = message.after});
}

void ReplicaRequest::Begin(MeasureStore& /*message*/, Outbox* out) {
  out->Do(MeasureHeld{.operation = out->Begin()});
}

void ReplicaRequest::Begin(SyncFetch& message, Outbox* out) {
  std::vector<ChunkPlace> chunks;
  for (ChunkKey& key : message.keys) {
    chunks.push_back({.partition = message.partition, .key = std::move(key)});
  }
  ReadAll(message.bucket, std::move(chunks), out);
}

// These do not come here: the node answers them itself.
void ReplicaRequest::Begin(SyncOffer& /*message*/, Outbox* out) {
  Reply(Internal("an offer is no request about the store"), {}, out);
}
void ReplicaRequest::Begin(JoinCluster& /*message*/, Outbox* out) {
  Reply(Internal("joining is no request about the store"), {}, out);
}
void ReplicaRequest::Begin(RegisterMessage& /*message*/, Outbox* out) {
  Reply(Internal("the register is not the store"), {}, out);
}

void ReplicaRequest::Begin(EchoRequest& message, Outbox* out) {
  Reply(OkStatus(), EchoReply{.payload = std::move(message.payload)}, out);
}

bool ReplicaRequest::IsOvertakenIn(const ClusterState& state) const {
  if (replied_) return false;
  return std::any_of(written_.begin(), written_.end(), [&](PartitionId partition) {
    return partition.value() >= state.placement.size() ||
           input_.sender.version < state.placement[partition.value()].changed;
  });
}

void ReplicaRequest::ReadAll(const std::string& bucket, std::vector<ChunkPlace> chunks,
                             Outbox* out) {
  values_.values.resize(chunks.size());
  if (chunks.empty()) return Reply(OkStatus(), ReadReply{}, out);
  for (ChunkPlace& chunk : chunks) {
    reads_.push_back(out->Read(out->scene().self, bucket, std::move(chunk)));
  }
}

void ReplicaRequest::Handle(const WriteDone& done, Outbox* out) {
  if (done.status.ok() && seal_) out->scene().watermarks->Hear(*seal_);
  Reply(done.status, WriteReply{.already_stored = done.already_stored}, out);
}

void ReplicaRequest::Handle(StatDone done, Outbox* out) {
  Reply(done.status, StatReply{.found = std::move(done.found)}, out);
}

void ReplicaRequest::Handle(ReadDone done, Outbox* out) {
  const auto found = std::find(reads_.begin(), reads_.end(), done.operation);
  if (found == reads_.end()) return;
  values_.values[static_cast<std::size_t>(found - reads_.begin())] = {
      .status = std::move(done.status),
      .value = std::move(done.value),
      .value_crc = done.value_crc};
  if (++reads_done_ == reads_.size()) Reply(OkStatus(), std::move(values_), out);
}

void ReplicaRequest::Handle(ScanDone done, Outbox* out) {
  const auto* scan = std::get_if<ReplicaScan>(&input_.message);
  CHECK(scan != nullptr);
  ScanReply reply{.seconds = std::move(done.seconds), .next_from = done.next_from, .seals = {}};
  for (const HeardSeal& heard : out->scene().watermarks->SealsOf(scan->bucket)) {
    reply.seals.push_back({.dc = heard.dc, .seal = heard.seal, .heard_at = heard.heard_at});
  }
  Reply(std::move(done.status), std::move(reply), out);
}

void ReplicaRequest::Handle(DigestsDone done, Outbox* out) {
  Reply(std::move(done.status), DigestsReply{.lines = std::move(done.lines)}, out);
}

void ReplicaRequest::Handle(EntriesDone done, Outbox* out) {
  Reply(std::move(done.status), std::move(done.page), out);
}

void ReplicaRequest::Handle(ClaimsDone done, Outbox* out) {
  Reply(std::move(done.status), ClaimsReply{.others = std::move(done.others)}, out);
}

void ReplicaRequest::Handle(MeasuredDone done, Outbox* out) {
  Reply(std::move(done.status), std::move(done.sizes), out);
}

void ReplicaRequest::Handle(ClaimsListed done, Outbox* out) {
  Reply(std::move(done.status), std::move(done.page), out);
}

}  // namespace carillon
