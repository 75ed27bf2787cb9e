#include "client/range_cursor.h"

#include <utility>

#include "base/checksum.h"

namespace carillon {

Status CheckValue(const ChunkInfo& chunk, std::uint32_t crc, std::size_t bytes) {
  if (bytes != chunk.value_bytes) {
    return DataLoss("chunk {}: value of {} bytes, its manifest says {}", ToString(chunk.key), bytes,
                    chunk.value_bytes);
  }
  if (crc != chunk.value_crc) {
    return DataLoss("chunk {}: crc {:08x}, its manifest says {:08x}", ToString(chunk.key), crc,
                    chunk.value_crc);
  }
  return OkStatus();
}

RangeQuery RangeCursor::Remaining() const {
  RangeQuery rest = query_;
  if (current_) rest.range.first = *current_;
  // The node stopped, or will, in the second that reaches max_events: at least one is asked for.
  if (query_.max_events != 0) {
    rest.max_events = query_.max_events > events_before_ ? query_.max_events - events_before_ : 1;
  }
  return rest;
}

Status RangeCursor::Enter(Epoch epoch) {
  if (epoch < query_.range.first || epoch >= query_.range.limit) {
    return Internal("range [{}, {}): the node sent epoch {}", query_.range.first,
                    query_.range.limit, epoch);
  }
  if (current_ && epoch < *current_) {
    return Internal("range read: the node sent epoch {} after {}", epoch, *current_);
  }
  if (current_ == epoch) return OkStatus();
  current_ = epoch;
  chunks_given_.clear();
  ends_given_.clear();
  events_before_ += std::exchange(events_in_current_, 0);
  return OkStatus();
}

StatusOr<std::optional<RangeItem>> RangeCursor::Accept(wire::ReadRangeResponse message) {
  if (message.chunk) return AcceptChunk(std::move(message));
  const Epoch epoch(message.epoch);
  RETURN_IF_ERROR(Enter(epoch));
  if (!ends_given_.insert(message.dc).second) return std::nullopt;
  return RangeItem{.epoch = epoch, .dc = std::move(message.dc), .complete = message.complete};
}

StatusOr<std::optional<RangeItem>> RangeCursor::AcceptChunk(wire::ReadRangeResponse message) {
  RETURN_IF_ERROR(Enter(message.chunk->key.epoch));
  if (!chunks_given_.insert(message.chunk->key).second) return std::nullopt;
  events_in_current_ += message.chunk->events;
  RangeItem item{.epoch = message.chunk->key.epoch, .dc = message.chunk->key.dc};
  if (message.code != 0) {
    item.status = MakeStatus(static_cast<StatusCode>(message.code), message.message);
  } else {
    item.status = CheckValue(*message.chunk, Crc32c(message.value), message.value.size());
  }
  if (item.status.ok()) item.value = message.value.Flatten();
  item.chunk = std::move(message.chunk);
  return item;
}

}  // namespace carillon
