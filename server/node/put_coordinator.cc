#include "server/node/put_coordinator.h"

#include "server/node/request_checks.h"

namespace carillon {

PutCoordinator::PutCoordinator(PutChunkInput input, std::uint64_t max_future_seconds)
    : input_(std::move(input)),
      max_future_seconds_(max_future_seconds),
      value_bytes_(input_.value.size()) {}

Status PutCoordinator::Check(const Scene& scene, ChunkKey* key, StorePlace* place) const {
  ASSIGN_OR_RETURN(const BucketProperties* bucket, FindBucket(*scene.state, input_.bucket));
  ASSIGN_OR_RETURN(*key, ParseChunkKey(input_.key));
  if (value_bytes_ == 0) return InvalidArgument("value is empty");
  if (value_bytes_ > bucket->max_chunk_bytes) {
    return InvalidArgument("value of {} bytes, bucket {} takes at most {}", value_bytes_,
                           input_.bucket, bucket->max_chunk_bytes);
  }
  if (input_.computed_crc != input_.value_crc) {
    return InvalidArgument("value_crc32c is {:08x}, the value that arrived has {:08x}",
                           input_.value_crc, input_.computed_crc);
  }
  RETURN_IF_ERROR(CheckEpoch(key->epoch, *bucket, scene.now_seconds(),
                             max_future_seconds_ + scene.set_back_seconds));
  *place = PlaceOf(*scene.state, input_.bucket, input_.key);
  return CheckRoute(*scene.state, input_.route, place->partition);
}

void PutCoordinator::Fail(Status status, Outbox* out) {
  out->AnswerError(std::move(status));
  answered_ = true;
}

void PutCoordinator::Start(Outbox* out) {
  Write(out);
}

void PutCoordinator::Write(Outbox* out) {
  ChunkKey key;
  StorePlace place;
  if (Status status = Check(out->scene(), &key, &place); !status.ok()) {
    return Fail(std::move(status), out);
  }
  const BucketProperties& bucket = *out->scene().state->FindBucket(input_.bucket);
  wait_.End();
  writes_.Start(ReplicaPut{.place = place,
                           .bucket = input_.bucket,
                           .key = std::move(key),
                           .value = input_.value,
                           .value_crc = input_.value_crc,
                           .ttl_seconds = bucket.ttl_seconds,
                           .sync = bucket.sync},
                input_.bucket, out);
}

void PutCoordinator::Handle(const WriteDone& done, Outbox* out) {
  writes_.Handle(done, out);
  Conclude(out);
}

void PutCoordinator::HandleTime(Outbox* out) {
  if (!answered_ && wait_.IsOver(out->scene())) return Fail(StateWait::Error(), out);
  writes_.HandleTime(out);
  Conclude(out);
}

void PutCoordinator::HandleNewState(Outbox* out) {
  if (answered_) return writes_.AskNobodyElse();
  Write(out);
}

void PutCoordinator::Conclude(Outbox* out) {
  if (answered_) return;
  switch (writes_.verdict()) {
    case ReplicaWrites::Verdict::kWaiting:
      return;
    case ReplicaWrites::Verdict::kStale:
      if (out->scene().state->version > writes_.version()) return Write(out);
      return wait_.Begin(out);
    case ReplicaWrites::Verdict::kLost:
      return Fail(writes_.error(), out);
    case ReplicaWrites::Verdict::kMet:
      answered_ = true;
      return out->AnswerWith(WriteAnswer{
          .cost = {.replicas_written = writes_.acks(),
                   .bytes_between_nodes = std::uint64_t{writes_.sent_to_others()} * value_bytes_},
          .already_stored = writes_.already_stored()});
  }
}

}  // namespace carillon
