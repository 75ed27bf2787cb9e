#include "base/retry_hint.h"

#include <algorithm>
#include <charconv>

namespace carillon {
namespace {

using std::chrono::milliseconds;
constexpr std::string_view kBegin = "try again in ";
constexpr std::string_view kEnd = " ms";

}  // namespace

Status WithRetryHint(const Status& status, Duration wait) {
  const auto rounded =
      std::chrono::ceil<milliseconds>(std::clamp<Duration>(wait, milliseconds(1), kMaxRetryHint));
  return MakeStatus(status.code(),
                    fmt::format("{}: {}{}{}", Message(status), kBegin, rounded.count(), kEnd));
}

std::optional<Duration> RetryHintOf(const Status& status) {
  std::string_view text = Message(status);
  if (!text.ends_with(kEnd)) return std::nullopt;
  text.remove_suffix(kEnd.size());
  const std::size_t begin = text.rfind(kBegin);
  if (begin == std::string_view::npos) return std::nullopt;
  text.remove_prefix(begin + kBegin.size());
  std::int64_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error != std::errc() || end != text.data() + text.size() || count <= 0) return std::nullopt;
  if (count > kMaxRetryHint / milliseconds(1)) return std::nullopt;
  return milliseconds(count);
}

}  // namespace carillon
