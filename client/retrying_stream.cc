#include "client/retrying_stream.h"

#include <utility>

namespace carillon {

RetryingStream::RetryingStream(RingView* view, const ClientOptions& options, const char* method,
                               std::function<Rope()> request)
    : view_(view),
      patience_(options.timeout),
      method_(method),
      request_(std::move(request)),
      retry_(options) {}

StatusOr<std::optional<Rope>> RetryingStream::Next() {
  while (failure_.ok()) {
    if (!stream_) {
      endpoint_ = view_->Pick({}).endpoint;
      stream_ = std::make_unique<ByteStream>(view_->ChannelTo(endpoint_), method_, request_());
      answered_ = false;
    }
    auto next = stream_->Next(patience_);
    if (next.ok()) {
      retry_.NoteProgress();
      if (!std::exchange(answered_, true)) view_->HandleEnd(endpoint_, OkStatus(), std::nullopt);
      if (*next) view_->CountReceived((*next)->size());
      return next;
    }
    failure_ = HandleBreak(next.status());
  }
  return failure_;
}

Status RetryingStream::HandleBreak(const Status& status) {
  stream_.reset();
  view_->HandleEnd(endpoint_, status, std::nullopt);
  const Target next = view_->Find({});
  const bool elsewhere = !next.is_last_resort && next.endpoint != endpoint_;
  RETURN_IF_ERROR(retry_.HandleBreak(status, endpoint_, elsewhere));
  view_->CountRetry(elsewhere);
  return OkStatus();
}

}  // namespace carillon
