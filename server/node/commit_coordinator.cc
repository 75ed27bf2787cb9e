#include "server/node/commit_coordinator.h"

#include "server/node/request_checks.h"

namespace carillon {

CommitCoordinator::CommitCoordinator(CommitInput input, std::uint64_t max_future_seconds)
    : input_(std::move(input)), max_future_seconds_(max_future_seconds) {}

void CommitCoordinator::Fail(Status status, Outbox* out) {
  out->AnswerError(std::move(status));
  answered_ = true;
}

Status CommitCoordinator::Check(const Scene& scene, StorePlace* place) const {
  const Commit& commit = input_.commit;
  ASSIGN_OR_RETURN(const BucketProperties* bucket, FindBucket(*scene.state, commit.bucket));
  RETURN_IF_ERROR(Validate(commit));
  RETURN_IF_ERROR(CheckEpoch(commit.epoch, *bucket, scene.now_seconds(), max_future_seconds_));
  // A seal far ahead would call seconds complete that have not happened yet.
  if (commit.seal) {
    RETURN_IF_ERROR(Annotate(CheckEpoch(commit.seal->epoch, {.ttl_seconds = 0}, scene.now_seconds(),
                                        max_future_seconds_),
                             "seal"));
  }
  *place = PlaceOf(*scene.state, commit.bucket, ManifestKey(commit.epoch, commit.dc));
  return CheckRoute(*scene.state, input_.route, place->partition);
}

void CommitCoordinator::Start(Outbox* out) {
  if (Status status = Check(out->scene(), &place_); !status.ok()) {
    return Fail(std::move(status), out);
  }
  const Commit& commit = input_.commit;
  if (commit.chunks.empty()) return Write(out);
  StatChunks stat{.operation = out->Begin(), .bucket = commit.bucket, .chunks = {}};
  for (const ChunkInfo& chunk : commit.chunks) {
    const StorePlace place = PlaceOf(*out->scene().state, commit.bucket, ToString(chunk.key));
    stat.chunks.push_back({.partition = place.partition, .key = chunk.key});
  }
  out->Do(std::move(stat));
}

Status CommitCoordinator::CheckStored(const StatDone& done) const {
  RETURN_IF_ERROR(done.status);
  const std::vector<ChunkInfo>& chunks = input_.commit.chunks;
  if (done.found.size() != chunks.size()) return Internal("stat answered too little");
  std::size_t missing = 0;
  std::string first_missing;
  for (std::size_t i = 0; i < chunks.size(); ++i) {
    if (!done.found[i]) {
      if (missing++ == 0) first_missing = ToString(chunks[i].key);
    } else if (done.found[i]->value_crc != chunks[i].value_crc ||
               done.found[i]->value_bytes != chunks[i].value_bytes) {
      return FailedPrecondition(
          "chunk {} is stored with {} bytes and crc {:08x}, the commit says {} and {:08x}",
          ToString(chunks[i].key), done.found[i]->value_bytes, done.found[i]->value_crc,
          chunks[i].value_bytes, chunks[i].value_crc);
    }
  }
  if (missing == 0) return OkStatus();
  return FailedPrecondition("{} of {} chunks are not stored, the first is {}", missing,
                            chunks.size(), first_missing);
}

void CommitCoordinator::Handle(const StatDone& done, Outbox* out) {
  if (answered_) return;
  if (Status status = CheckStored(done); !status.ok()) return Fail(std::move(status), out);
  Write(out);
}

void CommitCoordinator::Write(Outbox* out) {
  const ClusterState& state = *out->scene().state;
  const BucketProperties* bucket = state.FindBucket(input_.commit.bucket);
  if (bucket == nullptr) return Fail(NotFound("no bucket '{}'", input_.commit.bucket), out);
  const auto homes =
      static_cast<std::uint32_t>(state.placement[place_.partition.value()].homes.size());
  quorum_ = Quorum(bucket->AcksWanted(), homes);
  out->Do(StoreCommit{.operation = out->Begin(),
                      .place = place_,
                      .commit = input_.commit,
                      .ttl_seconds = bucket->ttl_seconds,
                      .sync = bucket->sync});
}

void CommitCoordinator::Handle(WriteDone done, Outbox* out) {
  if (answered_) return;
  if (done.status.ok()) {
    quorum_.CountAck();
  } else {
    quorum_.CountFailure();
  }
  if (quorum_.IsMet()) {
    acknowledged_seal_ = input_.commit.seal;
    out->AnswerWith(WriteAnswer{.cost = {.replicas_written = quorum_.acks()},
                                .already_stored = done.already_stored});
    answered_ = true;
  } else if (quorum_.IsLost()) {
    Fail(std::move(done.status), out);
  }
}

}  // namespace carillon
