#include "server/node/commit_coordinator.h"

#include "server/node/request_checks.h"

namespace carillon {

CommitCoordinator::CommitCoordinator(CommitInput input, std::uint64_t max_future_seconds)
    : input_(std::move(input)), max_future_seconds_(max_future_seconds) {}

void CommitCoordinator::Fail(Status status, Outbox* out) {
  out->AnswerError(std::move(status));
  answered_ = true;
}

Status CommitCoordinator::Check(const Scene& scene) const {
  const Commit& commit = input_.commit;
  ASSIGN_OR_RETURN(const BucketProperties* bucket, FindBucket(*scene.state, commit.bucket));
  RETURN_IF_ERROR(Validate(commit));
  const std::uint64_t max_future = max_future_seconds_ + scene.set_back_seconds;
  RETURN_IF_ERROR(CheckEpoch(commit.epoch, *bucket, scene.now_seconds(), max_future));
  // A seal far ahead would call seconds complete that have not happened yet.
  if (commit.seal) {
    RETURN_IF_ERROR(Annotate(
        CheckEpoch(commit.seal->epoch, {.ttl_seconds = 0}, scene.now_seconds(), max_future),
        "seal"));
  }
  const StorePlace place =
      PlaceOf(*scene.state, commit.bucket, ManifestKey(commit.epoch, commit.dc));
  return CheckRoute(*scene.state, input_.route, place.partition);
}

void CommitCoordinator::Start(Outbox* out) {
  if (Status status = Check(out->scene()); !status.ok()) return Fail(std::move(status), out);
  const Commit& commit = input_.commit;
  version_ = out->scene().state->version;
  wait_.End();
  writing_ = false;
  if (commit.chunks.empty()) return Write(out);
  stats_.Start(commit.bucket, commit.chunks, out);
}

void CommitCoordinator::BeginAgain(Outbox* out) {
  if (out->scene().state->version > version_) return Start(out);
  wait_.Begin(out);
}

Status CommitCoordinator::CheckStored() const {
  const std::vector<ChunkInfo>& chunks = input_.commit.chunks;
  std::size_t missing = 0;
  std::string first_missing;
  for (std::size_t i = 0; i < chunks.size(); ++i) {
    const auto& found = stats_.found()[i];
    if (!found) {
      if (missing++ == 0) first_missing = ToString(chunks[i].key);
    } else if (found->value_crc != chunks[i].value_crc ||
               found->value_bytes != chunks[i].value_bytes) {
      return FailedPrecondition(
          "chunk {} is stored with {} bytes and crc {:08x}, the commit says {} and {:08x}",
          ToString(chunks[i].key), found->value_bytes, found->value_crc, chunks[i].value_bytes,
          chunks[i].value_crc);
    }
  }
  if (missing == 0) return OkStatus();
  if (!stats_.doubt().ok()) {
    return Unavailable("{} of {} chunks were not found, the first is {}; not all were asked: {}",
                       missing, chunks.size(), first_missing, Message(stats_.doubt()));
  }
  return FailedPrecondition("{} of {} chunks are not stored, the first is {}", missing,
                            chunks.size(), first_missing);
}

void CommitCoordinator::Handle(StatDone done, Outbox* out) {
  if (answered_ || writing_) return;
  stats_.Handle(std::move(done), out);
  if (!stats_.done()) return;
  if (stats_.stale_ring()) return BeginAgain(out);
  if (Status status = CheckStored(); !status.ok()) return Fail(std::move(status), out);
  Write(out);
}

void CommitCoordinator::Write(Outbox* out) {
  const ClusterState& state = *out->scene().state;
  const Commit& commit = input_.commit;
  const BucketProperties* bucket = state.FindBucket(commit.bucket);
  if (bucket == nullptr) return Fail(NotFound("no bucket '{}'", commit.bucket), out);
  writing_ = true;
  writes_.Start(
      ReplicaCommit{.place = PlaceOf(state, commit.bucket, ManifestKey(commit.epoch, commit.dc)),
                    .commit = commit,
                    .ttl_seconds = bucket->ttl_seconds,
                    .sync = bucket->sync},
      commit.bucket, out);
}

void CommitCoordinator::Handle(const WriteDone& done, Outbox* out) {
  writes_.Handle(done, out);
  Conclude(out);
}

void CommitCoordinator::HandleTime(Outbox* out) {
  if (!answered_ && wait_.IsOver(out->scene())) return Fail(StateWait::Error(), out);
  if (!answered_ && !writing_ && !wait_.waits()) stats_.HandleTime(out);
  if (!writing_) return;
  writes_.HandleTime(out);
  Conclude(out);
}

void CommitCoordinator::HandleNewState(Outbox* out) {
  if (answered_) return writes_.AskNobodyElse();
  Start(out);
}

void CommitCoordinator::Conclude(Outbox* out) {
  if (answered_ || !writing_) return;
  switch (writes_.verdict()) {
    case ReplicaWrites::Verdict::kWaiting:
      return;
    case ReplicaWrites::Verdict::kStale:
      return BeginAgain(out);
    case ReplicaWrites::Verdict::kLost:
      return Fail(writes_.error(), out);
    case ReplicaWrites::Verdict::kMet:
      answered_ = true;
      acknowledged_seal_ = input_.commit.seal;
      return out->AnswerWith(WriteAnswer{.cost = {.replicas_written = writes_.acks()},
                                         .already_stored = writes_.already_stored()});
  }
}

}  // namespace carillon
