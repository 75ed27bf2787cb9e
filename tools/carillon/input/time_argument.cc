#include "tools/carillon/input/time_argument.h"

#include <charconv>
#include <optional>

#include "base/chunk_key.h"
#include "tools/carillon/input/time_text.h"

namespace carillon {
namespace {

constexpr std::uint64_t kDefaultRangeSeconds = 5 * 60;
constexpr double kMaxSecondsArgument = 366.0 * 86400;

std::optional<std::uint64_t> UnitSeconds(char unit) {
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
      return std::nullopt;
  }
}

bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}

StatusOr<Epoch> ParseRelative(std::string_view text, Epoch now) {
  const std::string_view whole = text;
  text.remove_prefix(1);
  std::optional<std::uint64_t> unit;
  if (!text.empty()) unit = UnitSeconds(text.back());
  if (!unit.has_value()) {
    return InvalidArgument("time '{}' needs a unit: -90s, -5m, -2h, -1d", whole);
  }
  text.remove_suffix(1);
  ASSIGN_OR_RETURN(const std::uint64_t count, ParseDecimal("time", text, kMaxEpoch));
  if (count > now.value() / *unit) return InvalidArgument("time '{}' is before 1970", whole);
  return Epoch{now.value() - count * *unit};
}

}  // namespace

StatusOr<Epoch> ParseTimeArgument(std::string_view text, Epoch now) {
  if (text == "now") return now;
  if (text.starts_with('-')) return ParseRelative(text, now);
  if (text.size() > 4 && text[4] == '-') return ParseRfc3339(text);
  if (text.empty() || !IsDigit(text.front())) {
    return InvalidArgument("'{}' is no time: want epoch seconds, 2015-04-07T13:57:23Z, now, or -5m",
                           text);
  }
  return ParseUnixTime(text);
}

StatusOr<EpochRange> ParseRangeArguments(std::string_view from, std::string_view to, Epoch now) {
  EpochRange range{Epoch{now.value() - std::min(now.value(), kDefaultRangeSeconds)},
                   Epoch{now.value() + 1}};
  if (!from.empty()) {
    ASSIGN_OR_RETURN(range.first, ParseTimeArgument(from, now));
  }
  if (!to.empty()) {
    ASSIGN_OR_RETURN(range.limit, ParseTimeArgument(to, now));
  }
  if (range.first >= range.limit) {
    return InvalidArgument("the range is empty: from {} up to before {}", FormatTime(range.first),
                           FormatTime(range.limit));
  }
  return range;
}

std::vector<std::string> JoinDashedValues(const std::vector<std::string>& arguments) {
  std::vector<std::string> joined;
  bool touching = true;
  for (const std::string& argument : arguments) {
    const bool dashed = argument.size() > 1 && argument[0] == '-' && IsDigit(argument[1]);
    const bool after_option = !joined.empty() && joined.back().starts_with("--") &&
                              joined.back().find('=') == std::string::npos;
    if (argument == "--") touching = false;
    if (touching && dashed && after_option) {
      joined.back() += "=" + argument;
    } else {
      joined.push_back(argument);
    }
  }
  return joined;
}

StatusOr<double> ParseSecondsArgument(std::string_view option, std::string_view text) {
  std::string_view digits = text;
  double unit = 1;
  if (!digits.empty() && UnitSeconds(digits.back()).has_value()) {
    unit = static_cast<double>(*UnitSeconds(digits.back()));
    digits.remove_suffix(1);
  }
  double value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value,
                                            std::chars_format::fixed);
  const bool whole = error == std::errc{} && end == digits.data() + digits.size();
  if (!whole || !(value > 0) || value * unit > kMaxSecondsArgument) {
    return InvalidArgument("{} '{}' is no number of seconds above zero (30, 0.5, 5m)", option,
                           text);
  }
  return value * unit;
}

}  // namespace carillon
