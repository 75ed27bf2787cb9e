#include "server/api/put_batch.h"

#include <atomic>
#include <utility>

#include "base/checksum.h"
#include "server/api/codec.h"

namespace carillon {
namespace {

// A batch under way.
struct Batch {
  v1::PutChunksResponse response;  // its chunks are filled in, each by its own answer
  std::atomic<int> unanswered = 0;
  std::atomic<std::uint64_t> version = 0;
  Instant began;
  std::function<void(v1::PutChunksResponse)> done;
};

v1::PutChunksResponse RefusalOf(int chunks, std::uint64_t number) {
  v1::PutChunksResponse response;
  response.set_number(number);
  const Status why = InvalidArgument("a batch of {} chunks; 1 to {}", chunks, kMaxBatchChunks);
  auto* refused = response.add_chunks();
  refused->set_code(static_cast<std::uint32_t>(why.code()));
  refused->set_message(std::string(Message(why)));
  return response;
}

PutChunkInput InputOf(RequestId id, const v1::PutChunksRequest& request, v1::ChunkToPut* chunk) {
  PutChunkInput input;
  input.request = id;
  input.route = {.version = StateVersion(request.state_version()),
                 .partition = PartitionId(static_cast<std::uint16_t>(chunk->partition()))};
  input.bucket = request.bucket();
  input.key = std::move(*chunk->mutable_key());
  input.value_crc = chunk->value_crc32c();
  input.computed_crc = Crc32c(chunk->value());
  input.value = Rope(SharedBytes(std::move(*chunk->mutable_value())));
  return input;
}

// True: it was the last that was missing.
bool TakeAnswer(Batch* batch, int place, const Answer& answer) {
  v1::ChunkPut* put = batch->response.mutable_chunks(place);
  put->set_code(static_cast<std::uint32_t>(answer.status.code()));
  if (!answer.status.ok()) put->set_message(std::string(Message(answer.status)));
  if (const auto* written = std::get_if<WriteAnswer>(&answer.value)) {
    ToProto(written->cost, put->mutable_cost());
    put->set_already_stored(written->already_stored);
    batch->version = answer.version.value();
  }
  return --batch->unanswered == 0;
}

}  // namespace

void PutBatch(NodeLoop* node, Metrics* metrics, const char* api, v1::PutChunksRequest request,
              std::function<void(v1::PutChunksResponse)> done) {
  const int chunks = request.chunks_size();
  if (chunks == 0 || chunks > kMaxBatchChunks) return done(RefusalOf(chunks, request.number()));
  const auto batch = std::make_shared<Batch>();
  batch->began = SystemClock().Now();
  batch->response.set_number(request.number());
  batch->done = std::move(done);
  batch->unanswered = chunks;
  for (int i = 0; i < chunks; ++i) batch->response.add_chunks();
  for (int i = 0; i < chunks; ++i) {
    const RequestId id = node->NewRequest();
    PutChunkInput input = InputOf(id, request, request.mutable_chunks(i));
    metrics->CountValueBytesIn(input.value.size());
    node->Ask(id, std::move(input), [metrics, api, batch, i](const Answer& answer) {
      if (!TakeAnswer(batch.get(), i, answer)) return;
      batch->response.set_state_version(batch->version);
      metrics->ObserveRequest(api, "PutChunks", StatusCode::kOk,
                              SystemClock().Now() - batch->began);
      batch->done(std::move(batch->response));
    });
  }
}

}  // namespace carillon
