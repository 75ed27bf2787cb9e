#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "crunch/dictionary_cache.h"
#include "server/http/dictionary_fetch.h"
#include "server/http/http_message.h"
#include "server/http/stream_permits.h"
#include "server/shell/metrics.h"
#include "server/shell/node_loop.h"

namespace carillon {

// The first `max_events` lines of `ndjson`, each ending in '\n', and how many lines there are in
// them. Empty lines are not events, and are kept.
struct FirstEvents {
  ByteSpan lines;
  std::uint64_t events = 0;
};
FirstEvents TakeEvents(ByteSpan ndjson, std::uint64_t max_events);

// The events of a stream of chunks as NDJSON, one piece a chunk. Fails where a chunk is missing or
// damaged. Decodes on the thread of whoever asks for pieces. A dictionary that a chunk needs is
// asked of the node when it is not among those at hand; the stream waits for it.
//
// Memory: kWindowItems values of the node, and one decoded chunk: the node is given credit for the
// next only when the client has taken one.
class EventStream final : public BodyStream {
 public:
  static constexpr std::uint32_t kWindowItems = 4;

  // `input`, a ReadRangeInput or GetChunksInput, has the id `request`. Ends after `max_events`;
  // 0: no limit. `node` and `dictionaries` outlive it.
  EventStream(NodeLoop* node, Metrics* metrics, DictionaryCache* dictionaries, RequestId request,
              Input input, std::uint64_t max_events, StreamPermits::Permit permit);
  ~EventStream() override;  // cancels the request
  EventStream(const EventStream&) = delete;
  EventStream& operator=(const EventStream&) = delete;

  Piece Next(std::function<void()> wake) override;

 private:
  class Inbox;
  // A piece, unless a dictionary has to be fetched first.
  std::optional<Piece> Look(StreamItem item);
  Piece Resume(StatusOr<Bytes> fetched);
  Piece Decode(const StreamItem& item, const Dictionary* dictionary);
  void ReturnCredit();

  NodeLoop* node_;
  Metrics* metrics_;
  DictionaryCache* dictionaries_;
  const std::string bucket_;
  const RequestId request_;
  const StreamPermits::Permit permit_;
  const std::shared_ptr<Inbox> inbox_;
  std::uint64_t events_left_;
  bool limited_;
  StreamItem waiting_;  // for fetch_, while there is one
  std::optional<DictionaryFetch> fetch_;
  std::uint32_t credit_owed_ = 0;  // items taken that the node has no new credit for
};

}  // namespace carillon
