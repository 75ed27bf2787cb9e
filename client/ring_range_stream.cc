#include "client/ring_range_stream.h"

#include <memory>
#include <utility>

#include "base/checksum.h"
#include "client/conversion.h"
#include "client/messages.h"
#include "client/range_cursor.h"

namespace carillon {

RingRangeStream::RingRangeStream(UnaryCalls* calls, const ClientOptions& options, RangeQuery query)
    : calls_(calls), query_(std::move(query)), feed_(calls->view(), options, query_.bucket) {
  AskForPage(query_.range.first);
}

// The answer may come when this stream is gone: it goes to the promise alone.
void RingRangeStream::AskForPage(Epoch from) {
  const auto request = ToMessage(ListQuery{.bucket = query_.bucket,
                                           .range = {from, query_.range.limit},
                                           .filter = query_.filter,
                                           .max_chunks = kPageChunks,
                                           .allow_partial = query_.allow_partial});
  auto promise = std::make_shared<std::promise<StatusOr<SecondsPage>>>();
  page_ = promise->get_future();
  calls_->Start(
      "/carillon.v1.EventsService/ListSeconds", {},
      [request](const Target&) { return Serialize(request); },
      [promise, view = calls_->view()](StatusOr<UnaryCalls::Answer> answer) {
        auto response = ParseAnswer<v1::ListSecondsResponse>(view, std::move(answer));
        if (!response.ok()) return promise->set_value(response.status());
        promise->set_value(FromMessage(*response));
      });
}

// Takes the seconds of the page, up to the one that reaches max_events, and asks for the next.
Status RingRangeStream::TakePage() {
  ASSIGN_OR_RETURN(SecondsPage page, page_->get());
  const Epoch asked_from = seconds_.empty() ? query_.range.first : seconds_.back().epoch;
  page_.reset();
  bool enough = false;
  for (Second& second : page.seconds) {
    if (second.epoch < asked_from || second.epoch >= query_.range.limit) {
      return Internal("range [{}, {}): the node listed epoch {}", query_.range.first,
                      query_.range.limit, second.epoch);
    }
    if (second.chunks.empty()) continue;
    if (enough && seconds_.back().epoch != second.epoch) return OkStatus();
    for (const ChunkInfo& chunk : second.chunks) {
      feed_.Add(chunk.key, chunk.value_bytes);
      events_ += chunk.events;
    }
    enough = query_.max_events != 0 && events_ >= query_.max_events;
    seconds_.push_back(std::move(second));
  }
  if (!enough && page.next_from && *page.next_from < query_.range.limit) {
    AskForPage(*page.next_from);
  }
  return OkStatus();
}

StatusOr<std::optional<RangeItem>> RingRangeStream::Next() {
  if (!failure_.ok()) return failure_;
  auto item = NextItem();
  failure_ = item.status();
  return item;
}

// A page that is here, when nothing of the one before waits to be asked for: streams need not
// run dry between pages.
bool RingRangeStream::HasWholePageWaiting() const {
  return page_ && feed_.waiting() == 0 &&
         page_->wait_for(std::chrono::seconds(0)) == std::future_status::ready;
}

StatusOr<std::optional<RangeItem>> RingRangeStream::NextItem() {
  while (page_ && (seconds_.empty() || HasWholePageWaiting())) RETURN_IF_ERROR(TakePage());
  if (seconds_.empty()) return std::nullopt;
  Second& second = seconds_.front();
  if (next_chunk_ == second.chunks.size()) return EndSecond();
  return NextChunk(std::move(second.chunks[next_chunk_++]));
}

RangeItem RingRangeStream::EndSecond() {
  Second second = std::move(seconds_.front());
  seconds_.pop_front();
  next_chunk_ = 0;
  return {.epoch = second.epoch, .dc = std::move(second.dc), .complete = second.complete};
}

StatusOr<std::optional<RangeItem>> RingRangeStream::NextChunk(ChunkInfo chunk) {
  ASSIGN_OR_RETURN(ChunkAnswer answer, feed_.Next());
  RangeItem item{.epoch = chunk.key.epoch, .dc = chunk.key.dc};
  if (answer.value.ok()) {
    item.status = CheckValue(chunk, Crc32c(*answer.value), answer.value->size());
    if (item.status.ok()) item.value = *std::move(answer.value);
  } else if (answer.value.status().code() == StatusCode::kNotFound) {
    item.status =
        DataLoss("chunk {} is listed in its manifest, and nobody stores it", ToString(chunk.key));
  } else {
    item.status = answer.value.status();
  }
  item.chunk = std::move(chunk);
  return item;
}

}  // namespace carillon
