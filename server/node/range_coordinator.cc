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
  out->Do(ScanSeconds{.operation = out->Begin(),
                      .bucket = input_.bucket,
                      .range = *range,
                      .dc = input_.filter.dc,
                      .max_chunks = wanted});
}

void ListCoordinator::Handle(ScanDone done, Outbox* out) {
  if (done_) return;
  if (!done.status.ok()) return Fail(std::move(done.status), out);
  const Scene& scene = out->scene();
  ApplyFilter(input_.filter, &done.seconds);
  for (Second& second : done.seconds) {
    second.complete =
        scene.watermarks->IsComplete(input_.bucket, second.dc, second.epoch, scene.now_seconds());
  }
  out->AnswerWith(
      SecondsAnswer{.seconds = std::move(done.seconds),
                    .next_from = done.next_from,
                    .watermarks = scene.watermarks->OfBucket(input_.bucket, scene.now_seconds())});
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
  scanning_ = true;
  out->Do(ScanSeconds{.operation = out->Begin(),
                      .bucket = input_.bucket,
                      .range = {.first = *next_from_, .limit = input_.range.limit},
                      .dc = input_.filter.dc,
                      .max_chunks = kPageChunks});
}

void RangeCoordinator::Handle(ScanDone done, Outbox* out) {
  if (done_) return;
  scanning_ = false;
  if (!done.status.ok()) return End(std::move(done.status), out);
  ApplyFilter(input_.filter, &done.seconds);
  for (Second& second : done.seconds) seconds_.push_back(std::move(second));
  next_from_ = done.next_from;
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
    return reads_.AddRead(std::move(item), input_.bucket, at, bytes, out);
  }
  item.kind = StreamItem::Kind::kSecondEnd;
  item.epoch = second->epoch;
  item.dc = second->dc;
  item.complete = out->scene().watermarks->IsComplete(input_.bucket, second->dc, second->epoch,
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
  // A listed chunk is never "not found": its bytes are lost here, or expired in this moment.
  if (done.status.code() == StatusCode::kNotFound) {
    done.status = DataLoss("listed in its manifest, and not stored: {}", Message(done.status));
  }
  reads_.Handle(std::move(done));
  GoOn(out);
}

void RangeCoordinator::Handle(const CreditInput& credit, Outbox* out) {
  if (done_) return;
  reads_.AddCredit(credit.items);
  GoOn(out);
}

}  // namespace carillon
