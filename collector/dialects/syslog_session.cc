#include "collector/dialects/syslog_session.h"

#include <optional>
#include <utility>

namespace carillon {
namespace {

constexpr std::size_t kMaxCountDigits = 10;

struct Frame {
  std::string_view message;
  std::size_t size = 0;  // with what is around the message
};

StatusOr<std::optional<Frame>> CountedFrame(std::string_view bytes) {
  std::size_t count = 0;
  std::size_t digits = 0;
  while (digits < bytes.size() && digits < kMaxCountDigits && bytes[digits] >= '0' &&
         bytes[digits] <= '9') {
    count = count * 10 + static_cast<std::size_t>(bytes[digits++] - '0');
  }
  if (digits == bytes.size() && digits < kMaxCountDigits) return std::nullopt;
  if (bytes[digits] != ' ') return InvalidArgument("syslog: want a space behind the count");
  if (count > kMaxSyslogBytes) {
    return OutOfRange("syslog: a message of {} bytes, at most {}", count, kMaxSyslogBytes);
  }
  if (bytes.size() - digits - 1 < count) return std::nullopt;
  return Frame{.message = bytes.substr(digits + 1, count), .size = digits + 1 + count};
}

StatusOr<std::optional<Frame>> LineFrame(std::string_view bytes, std::size_t searched) {
  const std::size_t end = bytes.find_first_of(std::string_view("\n\0", 2), searched);
  if (std::min(end, bytes.size()) > kMaxSyslogBytes) {
    return OutOfRange("syslog: a line of more than {} bytes", kMaxSyslogBytes);
  }
  if (end == std::string_view::npos) return std::nullopt;
  return Frame{.message = bytes.substr(0, end), .size = end + 1};
}

// The first message of `bytes`; nullopt: not all there.
StatusOr<std::optional<Frame>> NextFrame(std::string_view bytes, std::size_t searched) {
  if (bytes.empty()) return std::nullopt;
  return bytes[0] >= '0' && bytes[0] <= '9' ? CountedFrame(bytes) : LineFrame(bytes, searched);
}

void Flush(EventBatch* batch, std::vector<StreamEffect>* effects) {
  if (batch->empty()) return;
  effects->push_back(StoreEvents{
      .events = std::exchange(*batch, EventBatch()), .acknowledgement = {}, .refusal = {}});
}

}  // namespace

Status SyslogSession::Feed(std::string_view bytes, std::vector<StreamEffect>* effects) {
  buffer_.append(bytes);
  std::string_view rest = buffer_;
  EventBatch batch;
  EventWriter writer("messages", &batch);
  Status status;
  while (status.ok()) {
    const auto frame = NextFrame(rest, searched_);
    status = frame.status();
    if (!frame.ok() || !frame->has_value()) break;
    const std::string_view message = (*frame)->message;
    rest.remove_prefix((*frame)->size);
    searched_ = 0;
    if (message.find_first_not_of(" \r") == std::string_view::npos) continue;
    status = AddSyslogMessage(message, &writer);
    if (batch.size() == kMaxEventsInRequest) Flush(&batch, effects);
  }
  Flush(&batch, effects);
  searched_ = rest.size();
  buffer_.erase(0, buffer_.size() - rest.size());
  return status;
}

void SyslogSession::End(std::vector<StreamEffect>* effects) {
  const bool counted = !buffer_.empty() && buffer_[0] >= '0' && buffer_[0] <= '9';
  if (!counted && !buffer_.empty()) (void)Feed("\n", effects);  // within the limits: was before
}

}  // namespace carillon
