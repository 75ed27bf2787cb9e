#include "client/retrying_stream.h"

#include <thread>
#include <utility>

namespace carillon {

RetryingStream::RetryingStream(ChannelPool* pool, const ClientOptions& options, const char* method,
                               std::function<grpc::ByteBuffer()> request)
    : pool_(pool), options_(options), method_(method), request_(std::move(request)) {
  NoteProgress();
}

void RetryingStream::NoteProgress() {
  backoff_.reset();
  last_progress_ = SystemClock().Now();
}

StatusOr<std::optional<Rope>> RetryingStream::Next() {
  while (failure_.ok()) {
    if (!stream_) {
      pick_ = pool_->Current();
      stream_ = std::make_unique<ByteStream>(pick_.channel, method_, request_());
    }
    auto next = stream_->Next(options_.timeout);
    if (next.ok()) {
      NoteProgress();
      return next;
    }
    failure_ = HandleBreak(next.status());
  }
  return failure_;
}

Status RetryingStream::HandleBreak(const Status& status) {
  stream_.reset();
  const bool endpoint_failed =
      status.code() == StatusCode::kUnavailable || status.code() == StatusCode::kDeadlineExceeded;
  if (endpoint_failed) pool_->MoveOn(pick_.index);
  if (!backoff_) {
    backoff_.emplace(options_.retry, RandomSeed());
    last_progress_ = SystemClock().Now();  // the time its reader took does not count
  }
  const Duration left = last_progress_ + options_.timeout - SystemClock().Now();
  const auto delay = backoff_->Next(status, left);
  if (delay) {
    std::this_thread::sleep_for(*delay);
    return OkStatus();
  }
  if (!endpoint_failed) return status;
  return Annotate(status, fmt::format("{}, attempt {}", pick_.endpoint, backoff_->attempts()));
}

}  // namespace carillon
