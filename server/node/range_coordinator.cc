#include "server/node/range_coordinator.h"

#include <algorithm>

#include "server/node/request_checks.h"

namespace carillon {
namespace {

// Checks bucket, filter, and range; cuts off what has expired.
StatusOr<EpochRange> CheckRead(const Scene& scene, const std::string& bucket, EpochRange range,
                               const ChunkFilter& filter) {
  ASSIGN_OR_RETURN(const BucketProperties* properties, FindBucket(*scene.state, bucket));
  RETURN_IF_ERROR(Validate(filter));
  return ReadableRange(range, *properties, scene.now_seconds());
}

// Keeps the chunks that match; seconds without any go, unless nothing but a dc was asked for.
void ApplyFilter(const ChunkFilter& filter, std::vector<Second>* seconds) {
  for (Second& second : *seconds) {
    std::erase_if(second.chunks,
                  [&](const ChunkInfo& chunk) { return !filter.Matches(chunk.key); });
  }
  std::erase_if(*seconds, [](const Second& second) { return second.chunks.empty(); });
}

// Whether a scan must be made again, and cannot yet.
bool IsBehind(const ManifestReads& manifests, const Scene& scene) {
  return manifests.stale_ring() && scene.state->version <= manifests.version();
}

void HearSeals(const std::string& bucket, const ManifestReads& manifests, const Scene& scene) {
  for (const HeardSealLine& line : manifests.seals()) {
    // Another's clock may be ahead: its writers do not live longer for it.
    scene.watermarks->Hear({.bucket = bucket,
                            .dc = line.dc,
                            .seal = line.seal,
                            .heard_at = std::min(line.heard_at, scene.now_seconds())});
  }
}

}  // namespace

ListCoordinator::ListCoordinator(ListSecondsInput input) : input_(std::move(input)) {}

void ListCoordinator::Fail(Status status, Outbox* out) {
  out->AnswerError(std::move(status));
  done_ = true;
}

void ListCoordinator::Start(Outbox* out) {
  const auto range = CheckRead(out->scene(), input_.bucket, input_.range, input_.filter);
  if (!range.ok()) return Fail(range.status(), out);
  const std::uint32_t wanted =
      input_.max_chunks == 0 ? kMaxListedChunks : std::min(input_.max_chunks, kMaxListedChunks);
  wait_.End();
  manifests_.Start(input_.bucket, *range, input_.filter.dc, wanted, out);
  Conclude(out);
}

void ListCoordinator::Handle(ScanDone done, Outbox* out) {
  if (done_) return;
  manifests_.Handle(std::move(done), out);
  Conclude(out);
}

void ListCoordinator::HandleNewState(Outbox* out) {
  if (!done_) Start(out);
}

void ListCoordinator::HandleTime(Outbox* out) {
  if (done_) return;
  if (wait_.IsOver(out->scene())) return Fail(StateWait::Error(), out);
  if (manifests_.done()) return;
  manifests_.HandleTime(out);
  Conclude(out);
}

void ListCoordinator::Conclude(Outbox* out) {
  if (done_ || !manifests_.done()) return;
  const Scene& scene = out->scene();
  if (manifests_.stale_ring()) {
    return IsBehind(manifests_, scene) ? wait_.Begin(out) : Start(out);
  }
  Status status = manifests_.StatusUnlessPartial(input_.allow_partial);
  if (!status.ok()) return Fail(std::move(status), out);
  HearSeals(input_.bucket, manifests_, scene);
  std::vector<Second> seconds = manifests_.TakeSeconds();
  ApplyFilter(input_.filter, &seconds);
  for (Second& second : seconds) {
    second.complete =
        !manifests_.partial() &&
        scene.watermarks->IsComplete(input_.bucket, second.dc, second.epoch, scene.now_seconds());
  }
  out->AnswerWith(
      SecondsAnswer{.seconds = std::move(seconds),
                    .next_from = manifests_.next_from(),
                    .watermarks = scene.watermarks->OfBucket(input_.bucket, scene.now_seconds()),
                    .partial = manifests_.partial()});
  done_ = true;
}

RangeCoordinator::RangeCoordinator(ReadRangeInput input) : input_(std::move(input)) {}

void RangeCoordinator::End(Status status, Outbox* out) {
  out->EndStream(std::move(status));
  done_ = true;
}

void RangeCoordinator::Start(Outbox* out) {
  const auto range = CheckRead(out->scene(), input_.bucket, input_.range, input_.filter);
  if (!range.ok()) return End(range.status(), out);
  input_.range = *range;
  next_from_ = range->first;
  Scan(out);
}

void RangeCoordinator::Scan(Outbox* out) {
  if (out->scene().state->FindBucket(input_.bucket) == nullptr) {
    return End(NotFound("no bucket '{}'", input_.bucket), out);
  }
  scanning_ = true;
  wait_.End();
  manifests_.Start(input_.bucket, {.first = *next_from_, .limit = input_.range.limit},
                   input_.filter.dc, kPageChunks, out);
  Conclude(out);
}

void RangeCoordinator::Handle(ScanDone done, Outbox* out) {
  if (done_) return;
  manifests_.Handle(std::move(done), out);
  Conclude(out);
}

void RangeCoordinator::HandleNewState(Outbox* out) {
  if (done_) return;
  reads_.HandleNewState(out);
  if (scanning_) return Scan(out);
  GoOn(out);
}

void RangeCoordinator::Conclude(Outbox* out) {
  if (!scanning_ || !manifests_.done()) return;
  if (manifests_.stale_ring()) {
    return IsBehind(manifests_, out->scene()) ? wait_.Begin(out) : Scan(out);
  }
  scanning_ = false;
  Status status = manifests_.StatusUnlessPartial(input_.allow_partial);
  if (!status.ok()) return End(std::move(status), out);
  HearSeals(input_.bucket, manifests_, out->scene());
  std::vector<Second> seconds = manifests_.TakeSeconds();
  ApplyFilter(input_.filter, &seconds);
  for (Second& second : seconds) seconds_.push_back(std::move(second));
  next_from_ = manifests_.next_from();
  partial_ = partial_ || manifests_.partial();
  GoOn(out);
}

// Adds the next chunk of `second`, or, when all are added, its end.
void RangeCoordinator::AddFrom(Second* second, Outbox* out) {
  StreamItem item;
  if (next_chunk_ < second->chunks.size()) {
    ChunkInfo& chunk = second->chunks[next_chunk_++];
    item.key = ToString(chunk.key);
    const StorePlace place = PlaceOf(*out->scene().state, input_.bucket, item.key);
    const ChunkPlace at{.partition = place.partition, .key = chunk.key};
    const std::size_t bytes = chunk.value_bytes;
    events_ += chunk.events;
    item.info = std::move(chunk);
    return reads_.AddRead(std::move(item), input_.bucket, at, bytes, OrderedReads::Kind::kListed,
                          out);
  }
  item.kind = StreamItem::Kind::kSecondEnd;
  item.epoch = second->epoch;
  item.dc = second->dc;
  item.complete =
      !partial_ && out->scene().watermarks->IsComplete(input_.bucket, second->dc, second->epoch,
                                                       out->scene().now_seconds());
  reads_.AddReady(std::move(item));
  const Epoch ended = second->epoch;
  seconds_.pop_front();
  next_chunk_ = 0;
  const bool enough = input_.max_events != 0 && events_ >= input_.max_events;
  if (enough && (seconds_.empty() || seconds_.front().epoch != ended)) {
    seconds_.clear();
    next_from_.reset();
  }
}

void RangeCoordinator::GoOn(Outbox* out) {
  reads_.EmitReady(out);
  while (!seconds_.empty() && reads_.HasRoom()) AddFrom(&seconds_.front(), out);
  reads_.EmitReady(out);
  if (!seconds_.empty() || scanning_) return;
  if (next_from_) return Scan(out);
  if (reads_.empty()) End(OkStatus(), out);
}

void RangeCoordinator::Handle(ReadDone done, Outbox* out) {
  if (done_) return;
  reads_.Handle(std::move(done), out);
  GoOn(out);
}

void RangeCoordinator::HandleTime(Outbox* out) {
  if (done_) return;
  if (wait_.IsOver(out->scene())) return End(StateWait::Error(), out);
  if (scanning_ && !manifests_.done()) {
    manifests_.HandleTime(out);
    Conclude(out);
    if (done_) return;
  }
  reads_.HandleTime(out);
  GoOn(out);
}

void RangeCoordinator::Handle(const CreditInput& credit, Outbox* out) {
  if (done_) return;
  reads_.AddCredit(credit.items);
  GoOn(out);
}

}  // namespace carillon
