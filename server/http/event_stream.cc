#include "server/http/event_stream.h"

#include <cstring>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "crunch/chunk_codec.h"

namespace carillon {

FirstEvents TakeEvents(ByteSpan ndjson, std::uint64_t max_events) {
  FirstEvents first;
  std::size_t end = 0;
  while (end < ndjson.size() && first.events < max_events) {
    const std::size_t newline = std::min(ndjson.find('\n', end), ndjson.size());
    if (newline > end) ++first.events;
    end = std::min(newline + 1, ndjson.size());
  }
  first.lines = ndjson.substr(0, end);
  return first;
}

// Where the node puts items and Next finds them. Shared with the node, which may hold on to it for
// a moment longer than the stream lives.
class EventStream::Inbox final : public StreamReceiver {
 public:
  void OnItem(StreamItem item) override {
    std::unique_lock lock(mutex_);
    items_.push_back(std::move(item));
    Wake(&lock);
  }
  void OnEnd(Status status) override {
    std::unique_lock lock(mutex_);
    end_ = std::move(status);
    Wake(&lock);
  }
  void Close() {
    const std::lock_guard lock(mutex_);
    wake_ = nullptr;
    items_.clear();
  }

  struct Taken {
    std::optional<StreamItem> item;
    std::optional<Status> end;  // neither: nothing yet, and `wake` is kept
  };
  Taken Take(std::function<void()> wake) {
    const std::lock_guard lock(mutex_);
    Taken taken;
    if (!items_.empty()) {
      taken.item = std::move(items_.front());
      items_.pop_front();
    } else if (end_) {
      taken.end = end_;
    } else {
      wake_ = std::move(wake);
    }
    return taken;
  }

 private:
  void Wake(std::unique_lock<std::mutex>* lock) {
    const std::function<void()> wake = std::exchange(wake_, nullptr);
    lock->unlock();
    if (wake) wake();
  }

  std::mutex mutex_;
  std::deque<StreamItem> items_;  // at most the credit given: kWindowItems
  std::optional<Status> end_;
  std::function<void()> wake_;
};

namespace {

std::string BucketIn(const Input& input) {
  if (const auto* range = std::get_if<ReadRangeInput>(&input)) return range->bucket;
  return std::get<GetChunksInput>(input).bucket;
}

BodyStream::Piece FailedPiece(const StreamItem& item, const Status& status) {
  return {.kind = BodyStream::Piece::Kind::kFailed,
          .bytes = {},
          .status = Annotate(status, fmt::format("chunk {}", item.key))};
}

}  // namespace

EventStream::EventStream(NodeLoop* node, Metrics* metrics, DictionaryCache* dictionaries,
                         RequestId request, Input input, std::uint64_t max_events,
                         StreamPermits::Permit permit)
    : node_(node),
      metrics_(metrics),
      dictionaries_(dictionaries),
      bucket_(BucketIn(input)),
      request_(request),
      permit_(std::move(permit)),
      inbox_(std::make_shared<Inbox>()),
      events_left_(max_events),
      limited_(max_events != 0) {
  node_->Open(request_, std::move(input), inbox_);
  node_->AddCredit(request_, kWindowItems);
}

EventStream::~EventStream() {
  inbox_->Close();
  node_->Cancel(request_);
}

void EventStream::ReturnCredit() {
  if (credit_owed_ == 0) return;
  node_->AddCredit(request_, std::exchange(credit_owed_, 0));
}

BodyStream::Piece EventStream::Next(std::function<void()> wake) {
  while (!limited_ || events_left_ > 0) {
    if (fetch_) {
      std::optional<StatusOr<Bytes>> fetched = fetch_->Take(wake);
      if (!fetched) return {.kind = Piece::Kind::kLater, .bytes = {}, .status = {}};
      Piece piece = Resume(*std::move(fetched));
      if (piece.kind == Piece::Kind::kFailed || piece.bytes.size() > 0) return piece;
    }
    ReturnCredit();
    Inbox::Taken taken = inbox_->Take(wake);
    if (taken.end) {
      if (taken.end->ok()) break;
      return {.kind = Piece::Kind::kFailed, .bytes = {}, .status = *taken.end};
    }
    if (!taken.item) return {.kind = Piece::Kind::kLater, .bytes = {}, .status = {}};
    ++credit_owed_;
    if (taken.item->kind == StreamItem::Kind::kSecondEnd) continue;
    std::optional<Piece> piece = Look(*std::move(taken.item));
    if (!piece) continue;
    if (piece->kind == Piece::Kind::kFailed || piece->bytes.size() > 0) return *std::move(piece);
  }
  return {.kind = Piece::Kind::kEnd, .bytes = {}, .status = {}};
}

std::optional<BodyStream::Piece> EventStream::Look(StreamItem item) {
  if (!item.status.ok()) return FailedPiece(item, item.status);
  const std::uint32_t id = DictionaryIdOf(item.value.view());
  if (id == 0) return Decode(item, nullptr);
  const auto chunk = ParseChunkKey(item.key);
  if (!chunk.ok()) return FailedPiece(item, chunk.status());
  const ChunkKey key = DictionaryKeyOf(*chunk, bucket_, id);
  if (const auto dictionary = dictionaries_->Find(key)) return Decode(item, dictionary.get());
  waiting_ = std::move(item);
  fetch_.emplace(node_, key);
  return std::nullopt;
}

BodyStream::Piece EventStream::Resume(StatusOr<Bytes> fetched) {
  const auto dictionary = dictionaries_->Keep(fetch_->key(), std::move(fetched));
  fetch_.reset();
  const StreamItem item = std::exchange(waiting_, {});
  if (!dictionary.ok()) return FailedPiece(item, dictionary.status());
  return Decode(item, dictionary->get());
}

BodyStream::Piece EventStream::Decode(const StreamItem& item, const Dictionary* dictionary) {
  auto decoded = DecodeChunkValue(item.value.view(), dictionary);
  if (!decoded.ok()) return FailedPiece(item, decoded.status());
  metrics_->CountValueBytesOut(item.value.size());
  // Whatever put it there, one event is one line.
  if (!decoded->empty() && decoded->back() != '\n') decoded->push_back('\n');
  const SharedBytes all(*std::move(decoded));
  if (!limited_) return {.kind = Piece::Kind::kBytes, .bytes = all, .status = {}};
  const FirstEvents first = TakeEvents(all.view(), events_left_);
  events_left_ -= first.events;
  return {.kind = Piece::Kind::kBytes, .bytes = all.Slice(0, first.lines.size()), .status = {}};
}

}  // namespace carillon
