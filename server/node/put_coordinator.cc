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
  RETURN_IF_ERROR(CheckEpoch(key->epoch, *bucket, scene.now_seconds(), max_future_seconds_));
  *place = PlaceOf(*scene.state, input_.bucket, input_.key);
  return CheckRoute(*scene.state, input_.route, place->partition);
}

void PutCoordinator::Start(Outbox* out) {
  ChunkKey key;
  StorePlace place;
  if (const Status status = Check(out->scene(), &key, &place); !status.ok()) {
    out->AnswerError(status);
    answered_ = true;
    return;
  }
  const ClusterState& state = *out->scene().state;
  const BucketProperties& bucket = *state.FindBucket(input_.bucket);
  const auto homes =
      static_cast<std::uint32_t>(state.placement[place.partition.value()].homes.size());
  quorum_ = Quorum(bucket.AcksWanted(), homes);
  out->Do(StoreChunk{.operation = out->Begin(),
                     .place = place,
                     .bucket = std::move(input_.bucket),
                     .key = std::move(key),
                     .value = std::move(input_.value),
                     .value_crc = input_.value_crc,
                     .ttl_seconds = bucket.ttl_seconds,
                     .sync = bucket.sync});
}

void PutCoordinator::Handle(WriteDone done, Outbox* out) {
  if (answered_) return;
  if (done.status.ok()) {
    quorum_.CountAck();
  } else {
    quorum_.CountFailure();
  }
  if (quorum_.IsMet()) {
    out->AnswerWith(WriteAnswer{.cost = {.replicas_written = quorum_.acks()},
                                .already_stored = done.already_stored});
    answered_ = true;
  } else if (quorum_.IsLost()) {
    out->AnswerError(std::move(done.status));
    answered_ = true;
  }
}

}  // namespace carillon
