#include "server/node/ordered_reads.h"

#include <algorithm>

namespace carillon {

void OrderedReads::AddRead(StreamItem item, const std::string& bucket, const ChunkPlace& place,
                           std::size_t expected_bytes, Outbox* out) {
  const OperationId operation = out->Begin();
  out->Do(ReadChunk{.operation = operation, .bucket = bucket, .chunk = place});
  bytes_ += expected_bytes;
  slots_.push_back({.item = std::move(item),
                    .operation = operation,
                    .expected_bytes = expected_bytes,
                    .ready = false});
}

void OrderedReads::AddReady(StreamItem item) {
  slots_.push_back({.item = std::move(item), .operation = {}, .expected_bytes = 0, .ready = true});
}

void OrderedReads::Handle(ReadDone done) {
  const auto slot = std::find_if(slots_.begin(), slots_.end(), [&](const Slot& s) {
    return !s.ready && s.operation == done.operation;
  });
  if (slot == slots_.end()) return;
  slot->ready = true;
  slot->item.status = std::move(done.status);
  slot->item.value = std::move(done.value);
  slot->item.value_crc = done.value_crc;
}

void OrderedReads::EmitReady(Outbox* out) {
  while (credit_ > 0 && !slots_.empty() && slots_.front().ready) {
    bytes_ -= slots_.front().expected_bytes;
    out->Emit(std::move(slots_.front().item));
    slots_.pop_front();
    --credit_;
  }
}

}  // namespace carillon
