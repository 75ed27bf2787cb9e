#include "collector/pipeline/chunk_batcher.h"

#include <algorithm>
#include <limits>
#include <tuple>
#include <utility>

namespace carillon {

void ChunkBatcher::Add(const BatchEvent& event, const BatchTime& time,
                       std::vector<EventsOfChunk>* closed) {
  Batches::value_type* found = FindBatch(event, time);
  const std::size_t size = event.json.size() + 1;
  const Batch& open = found->second;
  const bool full =
      open.lines.size() + size > open.target_bytes || open.covered.size() >= kMaxBatchEvents;
  if (full && !open.lines.empty()) {
    Close(batches_.find(found->first), closed);
    found = FindBatch(event, time);
  }
  Batch& batch = found->second;
  batch.lines.append(event.json);
  batch.lines.push_back('\n');
  batch.covered.push_back(event.place);
  buffered_bytes_ += size + kCoveredBytes;
  if (buffered_bytes_ > limits_.max_buffered_bytes) KeepWithinLimits(closed);
}

ChunkBatcher::Stream* ChunkBatcher::FindStream(const BatchEvent& event) {
  const NameView view{event.tenant, event.bucket, event.type, event.subtype};
  const auto found = streams_.find(view);
  if (found != streams_.end()) return &found->second;
  StreamName name{std::string(view.tenant), std::string(view.bucket), std::string(view.type),
                  std::string(view.subtype)};
  Stream stream{.name = std::make_shared<const StreamName>(name), .id = next_stream_++};
  return &streams_.emplace(std::move(name), std::move(stream)).first->second;
}

ChunkBatcher::Batches::value_type* ChunkBatcher::FindBatch(const BatchEvent& event,
                                                           const BatchTime& time) {
  if (last_ != nullptr && last_->first.second == event.epoch) {
    const StreamName& name = *last_->second.stream->name;
    const bool same = name.type == event.type && name.subtype == event.subtype &&
                      name.tenant == event.tenant && name.bucket == event.bucket;
    if (same) return last_;
  }
  Stream* stream = FindStream(event);
  const auto [batch, is_new] = batches_.try_emplace(BatchKey{stream->id, event.epoch});
  last_ = &*batch;
  if (!is_new) return last_;
  ++stream->open;
  batch->second.stream = stream;
  batch->second.target_bytes =
      std::min(stream->ratio.RawTarget(limits_.max_chunk_bytes), kMaxBatchBytes);
  batch->second.due = DueOf(event.epoch, time);
  due_.emplace(batch->second.due, batch->first);
  buffered_bytes_ += kBatchOverheadBytes;
  return last_;
}

Instant ChunkBatcher::DueOf(Epoch epoch, const BatchTime& time) const {
  using std::chrono::microseconds;  // in nanoseconds the last epochs would not fit
  constexpr microseconds kSecond = std::chrono::seconds(1);
  static_assert(kMaxEpoch < std::numeric_limits<std::int64_t>::max() / 2 / kSecond.count());
  const microseconds end = static_cast<std::int64_t>(epoch.value() + 1) * kSecond;
  const auto lateness = std::chrono::duration_cast<microseconds>(limits_.lateness);
  const microseconds left = end + lateness - microseconds(time.wall_us);
  const bool usual = left > microseconds(0) && left <= lateness + kSecond;
  return time.now + (usual ? Duration(left) : limits_.lateness);
}

ChunkBatcher::Batches::iterator ChunkBatcher::Close(Batches::iterator batch,
                                                    std::vector<EventsOfChunk>* closed) {
  Batch& open = batch->second;
  Stream* stream = open.stream;
  buffered_bytes_ -= open.counted_bytes();
  due_.erase({open.due, batch->first});
  closed->push_back({.stream = stream->name,
                     .epoch = batch->first.second,
                     .lines = std::move(open.lines),
                     .covered = std::move(open.covered),
                     .second_closes = open.due});
  last_ = nullptr;
  if (--stream->open == 0 && streams_.size() > kMaxIdleStreams) {
    streams_.erase(streams_.find(*stream->name));
  }
  return batches_.erase(batch);
}

void ChunkBatcher::Tick(Instant now, std::vector<EventsOfChunk>* closed) {
  while (!due_.empty() && due_.begin()->first <= now) {
    Close(batches_.find(due_.begin()->second), closed);
  }
}

std::optional<Instant> ChunkBatcher::Deadline() const {
  if (due_.empty()) return std::nullopt;
  return due_.begin()->first;
}

void ChunkBatcher::CloseAll(std::vector<EventsOfChunk>* closed) {
  for (auto batch = batches_.begin(); batch != batches_.end();) batch = Close(batch, closed);
}

void ChunkBatcher::KeepWithinLimits(std::vector<EventsOfChunk>* closed) {
  struct Use {
    std::size_t bytes = 0;
    std::vector<BatchKey> batches;
  };
  std::map<std::string_view, Use> uses;
  for (const auto& [key, batch] : batches_) {
    Use& use = uses[batch.stream->name->tenant];
    use.bytes += batch.counted_bytes();
    use.batches.push_back(key);
  }
  std::vector<const Use*> by_bytes;
  for (const auto& [tenant, use] : uses) by_bytes.push_back(&use);
  std::stable_sort(by_bytes.begin(), by_bytes.end(),
                   [](const Use* a, const Use* b) { return a->bytes > b->bytes; });
  for (const Use* use : by_bytes) {
    if (buffered_bytes_ <= limits_.max_buffered_bytes / 4 * 3) return;
    for (const BatchKey& key : use->batches) Close(batches_.find(key), closed);
  }
}

void ChunkBatcher::Learn(const StreamName& stream, std::size_t raw_bytes, std::size_t value_bytes) {
  const auto known = streams_.find(stream);
  if (known != streams_.end()) known->second.ratio.Learn(raw_bytes, value_bytes);
}

}  // namespace carillon
