#include "client/chunk_batch.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/checksum.h"

namespace carillon {
namespace {

// Whether another home may know better.
bool IsMiss(const Status& status) {
  return status.code() == StatusCode::kNotFound || status.code() == StatusCode::kDataLoss ||
         status.code() == StatusCode::kUnavailable ||
         status.code() == StatusCode::kFailedPrecondition;
}

}  // namespace

ChunkBatch::ChunkBatch(RingView* view, const ClientOptions& options, std::string bucket,
                       std::vector<ChunkKey> keys)
    : view_(view),
      options_(options),
      bucket_(std::move(bucket)),
      keys_(std::move(keys)),
      stream_of_(keys_.size()),
      retry_(options) {
  CHECK(keys_.size() <= kMaxKeysPerGet);
  std::deque<std::size_t> places;
  for (std::size_t i = 0; i < keys_.size(); ++i) {
    texts_.push_back(ToString(keys_[i]));
    places.push_back(i);
  }
  AskByGroups(places);
}

Aim ChunkBatch::AimOf(std::size_t place) const {
  return {.kind = Aim::Kind::kRead, .bucket = bucket_, .key = texts_[place]};
}

void ChunkBatch::Ask(const std::string& endpoint, std::deque<std::size_t> places) {
  auto stream = std::make_shared<Stream>();
  std::vector<std::string> texts;
  for (const std::size_t place : places) {
    texts.push_back(texts_[place]);
    stream_of_[place] = stream;
  }
  stream->endpoint = endpoint;
  stream->keys = std::move(places);
  stream->call = ChunkAnswers::Ask(view_, endpoint, bucket_, texts, options_.timeout);
}

void ChunkBatch::AskByGroups(const std::deque<std::size_t>& places) {
  std::vector<std::string> texts;
  for (const std::size_t place : places) texts.push_back(texts_[place]);
  for (const auto& [endpoint, group] : view_->Group(bucket_, texts)) {
    std::deque<std::size_t> of_endpoint;
    for (const std::size_t i : group) of_endpoint.push_back(places[i]);
    Ask(endpoint, std::move(of_endpoint));
  }
}

Duration ChunkBatch::PatienceFor(const Stream& stream) const {
  if (view_->NextHome(AimOf(next_), {stream.endpoint}).empty()) return options_.timeout;
  Duration patience = std::min(kFirstPatience, options_.attempt_timeout);
  for (int i = 0; i < silences_ && patience < options_.attempt_timeout; ++i) patience *= 2;
  return std::min(patience, options_.attempt_timeout);
}

StatusOr<ChunkAnswer> ChunkBatch::Next() {
  CHECK(!done());
  while (true) {
    const std::shared_ptr<Stream> stream = stream_of_[next_];
    auto message = stream->call->Next(PatienceFor(*stream));
    if (message.ok() && !*message) {
      return Internal("the node answered {} of {} keys", next_, keys_.size());
    }
    if (!message.ok()) {
      RETURN_IF_ERROR(HandleBreak(message.status()));
      continue;
    }
    retry_.NoteProgress();
    silences_ = 0;
    if (!std::exchange(stream->answered, true)) {
      view_->HandleEnd(stream->endpoint, OkStatus(), std::nullopt);
    }
    ASSIGN_OR_RETURN(StatusOr<Bytes> value, TakeAnswer(**message));
    stream->keys.pop_front();
    if (!value.ok() && LookElsewhere(value.status())) continue;
    if (!value.ok() && !miss_.ok()) value = miss_;
    looked_.clear();
    miss_ = OkStatus();
    stream_of_[next_].reset();
    ChunkAnswer answer{.key = std::move(keys_[next_]), .value = std::move(value)};
    ++next_;
    return answer;
  }
}

Status ChunkBatch::HandleBreak(const Status& status) {
  const std::shared_ptr<Stream> stream = stream_of_[next_];
  stream->call.reset();
  view_->HandleEnd(stream->endpoint, status, std::nullopt);
  if (status.code() == StatusCode::kDeadlineExceeded) ++silences_;
  const Target next = view_->Find(AimOf(next_));
  const bool elsewhere = !next.is_last_resort && next.endpoint != stream->endpoint;
  RETURN_IF_ERROR(retry_.HandleBreak(status, stream->endpoint, elsewhere));
  view_->CountRetry(elsewhere);
  AskByGroups(stream->keys);
  return OkStatus();
}

StatusOr<StatusOr<Bytes>> ChunkBatch::TakeAnswer(const wire::GetChunksResponse& answer) const {
  const std::string& key = texts_[next_];
  if (answer.key != key) return Internal("asked for {}, the node answered '{}'", key, answer.key);
  if (answer.code != 0) {
    return StatusOr<Bytes>(MakeStatus(static_cast<StatusCode>(answer.code), answer.message));
  }
  const std::uint32_t crc = Crc32c(answer.value);
  if (crc != answer.value_crc) {
    return StatusOr<Bytes>(
        DataLoss("chunk {}: crc {:08x}, the node says {:08x}", key, crc, answer.value_crc));
  }
  return StatusOr<Bytes>(answer.value.Flatten());
}

// Of several errors the first stands, but that nobody has it says less than any other.
bool ChunkBatch::LookElsewhere(const Status& miss) {
  if (!IsMiss(miss)) return false;
  if (miss_.ok() || miss_.code() == StatusCode::kNotFound) miss_ = miss;
  if (looked_.empty()) {
    if (second_looks_ == kMaxSecondLooks) return false;
    looked_.push_back(stream_of_[next_]->endpoint);
  }
  const std::string home = view_->NextHome(AimOf(next_), looked_);
  if (home.empty()) return false;
  if (looked_.size() == 1) ++second_looks_;
  looked_.push_back(home);
  view_->CountRetry(/*elsewhere=*/true);
  Ask(home, {next_});
  return true;
}

}  // namespace carillon
