#include "server/http/time_parameter.h"

#include "base/chunk_key.h"

namespace carillon {
namespace {

// Seconds of one unit; 0: no unit.
std::uint64_t UnitSeconds(char unit) {
  switch (unit) {
    case 's':
      return 1;
    case 'm':
      return 60;
    case 'h':
      return 3600;
    case 'd':
      return 86400;
    default:
      return 0;
  }
}

}  // namespace

StatusOr<Epoch> ParseTime(std::string_view field, std::string_view text,
                          std::uint64_t now_seconds) {
  std::string_view rest = text;
  const bool from_now = rest.starts_with("now");
  if (from_now) rest.remove_prefix(3);
  if (from_now && rest.empty()) return Epoch(now_seconds);
  if (!rest.starts_with('-')) {
    if (from_now || text.empty()) {
      return InvalidArgument("{} is '{}', want epoch seconds, now, or -5m", field, text);
    }
    ASSIGN_OR_RETURN(const std::uint64_t seconds, ParseDecimal(field, text, kMaxEpoch));
    return Epoch(seconds);
  }
  rest.remove_prefix(1);
  const std::uint64_t unit = rest.empty() ? 0 : UnitSeconds(rest.back());
  if (unit == 0) return InvalidArgument("{} is '{}', want a unit of s, m, h, d", field, text);
  rest.remove_suffix(1);
  ASSIGN_OR_RETURN(const std::uint64_t count, ParseDecimal(field, rest, kMaxEpoch));
  const std::uint64_t back = count * unit;  // at most 2^40 * 86400: no overflow
  return Epoch(back > now_seconds ? 0 : now_seconds - back);
}

}  // namespace carillon
