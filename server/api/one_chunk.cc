#include "server/api/one_chunk.h"

#include <utility>

#include "proto/byte_buffer.h"
#include "proto/wire.h"

namespace carillon {

void OneChunk::OnItem(StreamItem item) {
  status_ = std::move(item.status);
  if (!status_.ok()) return;
  metrics_->CountValueBytesOut(item.value.size());
  wire::GetChunksResponse response;
  response.value_crc = item.value_crc;
  response.value = Rope(std::move(item.value));
  *response_ = ToByteBuffer(wire::Encode(response));
}

void OneChunk::OnEnd(Status status) {
  call_.Finish(status.ok() ? status_ : status);
}

}  // namespace carillon
