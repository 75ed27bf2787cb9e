#include "client/retry.h"

#include <algorithm>

#include "base/retry_hint.h"

namespace carillon {

bool IsRetryable(const Status& status) {
  const StatusCode code = status.code();
  return code == StatusCode::kUnavailable || code == StatusCode::kResourceExhausted ||
         code == StatusCode::kAborted || code == StatusCode::kDeadlineExceeded;
}

std::optional<Duration> Backoff::Next(const Status& status, Duration left) {
  ++attempts_;
  if (!IsRetryable(status) || attempts_ >= policy_.max_attempts) return std::nullopt;
  Duration delay = policy_.first_delay;
  for (int i = 1; i < attempts_ && delay < policy_.max_delay; ++i) delay *= 2;
  delay = std::min(delay, policy_.max_delay);
  const Duration half = delay / 2;
  delay = half + Duration(random_.Below(static_cast<std::uint64_t>(half.count()) + 1));
  // A hint is not undercut, and those who got the same one do not all come back at once.
  if (const auto hint = RetryHintOf(status); hint && *hint > half) {
    delay = *hint + Duration(random_.Below(static_cast<std::uint64_t>(hint->count() / 2) + 1));
  }
  if (delay >= left) return std::nullopt;
  return delay;
}

}  // namespace carillon
