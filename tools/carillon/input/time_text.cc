#include "tools/carillon/input/time_text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <ctime>
#include <optional>

namespace carillon {
namespace {

constexpr std::size_t kMaxTimeTextBytes = 128;
constexpr std::string_view kPatternPrefix = "strptime:";
constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

struct CivilTime {
  unsigned year = 0;
  unsigned month = 0;
  unsigned day = 0;
  unsigned hour = 0;
  unsigned minute = 0;
  unsigned second = 0;
  std::int64_t offset_seconds = 0;  // of the zone, east of UTC
};

// `text` cut, for messages.
std::string_view Quote(std::string_view text) {
  return text.substr(0, kMaxTimeTextBytes);
}

Status NotATime(std::string_view text, std::string_view form) {
  return InvalidArgument("'{}' is no time as {}", Quote(text), form);
}

StatusOr<Epoch> ToEpoch(std::int64_t seconds, std::string_view text) {
  if (seconds < 0) return InvalidArgument("time '{}' is before 1970", Quote(text));
  if (static_cast<std::uint64_t>(seconds) > kMaxEpoch) {
    return InvalidArgument("time '{}' is beyond {} seconds; is it in milliseconds?", Quote(text),
                           kMaxEpoch);
  }
  return Epoch{static_cast<std::uint64_t>(seconds)};
}

StatusOr<Epoch> ToEpoch(const CivilTime& civil, std::string_view text) {
  const std::chrono::year_month_day date{std::chrono::year{static_cast<int>(civil.year)},
                                         std::chrono::month{civil.month},
                                         std::chrono::day{civil.day}};
  const bool valid = date.ok() && civil.hour < 24 && civil.minute < 60 && civil.second <= 60;
  if (!valid) return InvalidArgument("'{}' is no date and time that exists", Quote(text));
  const std::int64_t days = std::chrono::sys_days{date}.time_since_epoch().count();
  const std::int64_t of_day = civil.hour * 3600 + civil.minute * 60 + civil.second;
  return ToEpoch(days * 86400 + of_day - civil.offset_seconds, text);
}

// Takes pieces off the front of a text; after the first that does not fit, all fail.
class Pieces {
 public:
  explicit Pieces(std::string_view text) : rest_(text) {}

  unsigned Digits(std::size_t count) {
    unsigned value = 0;
    if (rest_.size() < count) return Fail();
    for (const char c : rest_.substr(0, count)) {
      if (c < '0' || c > '9') return Fail();
      value = value * 10 + static_cast<unsigned>(c - '0');
    }
    rest_.remove_prefix(count);
    return value;
  }
  // One of `allowed`.
  void Mark(std::string_view allowed) {
    if (rest_.empty() || allowed.find(rest_.front()) == std::string_view::npos) {
      Fail();
      return;
    }
    rest_.remove_prefix(1);
  }
  unsigned Month() {
    const auto month = std::find(kMonths.begin(), kMonths.end(), rest_.substr(0, 3));
    if (month == kMonths.end()) return Fail();
    rest_.remove_prefix(3);
    return static_cast<unsigned>(month - kMonths.begin()) + 1;
  }
  void Fraction() {
    if (rest_.empty() || rest_.front() != '.') return;
    const std::size_t end = rest_.find_first_not_of("0123456789", 1);
    if (end == 1 || rest_.size() == 1) Fail();
    rest_.remove_prefix(std::min(end, rest_.size()));
  }
  // "+hh:mm", or "+hhmm" without `colon`.
  std::int64_t Zone(bool colon) {
    const bool west = !rest_.empty() && rest_.front() == '-';
    Mark("+-");
    const unsigned hours = Digits(2);
    if (colon) Mark(":");
    const unsigned minutes = Digits(2);
    if (hours > 23 || minutes > 59) Fail();
    const std::int64_t seconds = hours * 3600 + minutes * 60;
    return west ? -seconds : seconds;
  }
  bool StartsWithAny(std::string_view marks) const {
    return !rest_.empty() && marks.find(rest_.front()) != std::string_view::npos;
  }
  bool Done() const { return !failed_ && rest_.empty(); }

 private:
  unsigned Fail() {
    failed_ = true;
    rest_ = {};
    return 0;
  }
  std::string_view rest_;
  bool failed_ = false;
};

std::optional<double> ParseDouble(std::string_view text) {
  double value = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

StatusOr<TimeFormat> ParseTimeFormat(std::string_view text) {
  if (text == "unix") return TimeFormat{TimeKind::kUnix, {}};
  if (text == "unix_ms") return TimeFormat{TimeKind::kUnixMs, {}};
  if (text == "rfc3339") return TimeFormat{TimeKind::kRfc3339, {}};
  if (text == "clf") return TimeFormat{TimeKind::kClf, {}};
  if (text.starts_with(kPatternPrefix) && text.size() > kPatternPrefix.size()) {
    return TimeFormat{TimeKind::kStrptime, std::string(text.substr(kPatternPrefix.size()))};
  }
  return InvalidArgument(
      "time format '{}' is none of unix, unix_ms, rfc3339, clf, strptime:PATTERN", text);
}

StatusOr<Epoch> ParseUnixTime(std::string_view text) {
  const std::optional<double> number = ParseDouble(text);
  if (!number.has_value()) return NotATime(text, "seconds since 1970");
  return ParseTimeNumber({TimeKind::kUnix, {}}, *number);
}

StatusOr<Epoch> ParseUnixMillis(std::string_view text) {
  const std::optional<double> number = ParseDouble(text);
  if (!number.has_value()) return NotATime(text, "milliseconds since 1970");
  return ParseTimeNumber({TimeKind::kUnixMs, {}}, *number);
}

StatusOr<Epoch> ParseRfc3339(std::string_view text) {
  Pieces pieces(text);
  CivilTime civil;
  civil.year = pieces.Digits(4);
  pieces.Mark("-");
  civil.month = pieces.Digits(2);
  pieces.Mark("-");
  civil.day = pieces.Digits(2);
  pieces.Mark("Tt ");
  civil.hour = pieces.Digits(2);
  pieces.Mark(":");
  civil.minute = pieces.Digits(2);
  pieces.Mark(":");
  civil.second = pieces.Digits(2);
  pieces.Fraction();
  if (pieces.StartsWithAny("Zz")) {
    pieces.Mark("Zz");
  } else {
    civil.offset_seconds = pieces.Zone(true);
  }
  if (!pieces.Done()) return NotATime(text, "RFC 3339 has it (2015-04-07T13:57:23Z)");
  return ToEpoch(civil, text);
}

StatusOr<Epoch> ParseClfTime(std::string_view text) {
  Pieces pieces(text);
  CivilTime civil;
  civil.day = pieces.Digits(2);
  pieces.Mark("/");
  civil.month = pieces.Month();
  pieces.Mark("/");
  civil.year = pieces.Digits(4);
  pieces.Mark(":");
  civil.hour = pieces.Digits(2);
  pieces.Mark(":");
  civil.minute = pieces.Digits(2);
  pieces.Mark(":");
  civil.second = pieces.Digits(2);
  pieces.Mark(" ");
  civil.offset_seconds = pieces.Zone(false);
  if (!pieces.Done()) return NotATime(text, "access logs have it (17/May/2015:10:05:03 +0000)");
  return ToEpoch(civil, text);
}

StatusOr<Epoch> ParseWithPattern(const std::string& pattern, std::string_view text) {
  if (text.size() > kMaxTimeTextBytes) return NotATime(text, pattern);
  const std::string terminated(text);
  std::tm fields{};
  fields.tm_mday = 1;
  const char* end = strptime(terminated.c_str(), pattern.c_str(), &fields);
  if (end != terminated.data() + terminated.size()) {
    return NotATime(text, pattern);
  }
  const std::int64_t offset = fields.tm_gmtoff;
  return ToEpoch(static_cast<std::int64_t>(timegm(&fields)) - offset, text);
}

StatusOr<Epoch> ParseTimeText(const TimeFormat& format, std::string_view text) {
  switch (format.kind) {
    case TimeKind::kUnix:
      return ParseUnixTime(text);
    case TimeKind::kUnixMs:
      return ParseUnixMillis(text);
    case TimeKind::kRfc3339:
      return ParseRfc3339(text);
    case TimeKind::kClf:
      return ParseClfTime(text);
    case TimeKind::kStrptime:
      return ParseWithPattern(format.pattern, text);
  }
  return Internal("a time format that is none");
}

StatusOr<Epoch> ParseTimeNumber(const TimeFormat& format, double number) {
  if (format.kind != TimeKind::kUnix && format.kind != TimeKind::kUnixMs) {
    return InvalidArgument("the time {} is a number, want a text", number);
  }
  const double seconds = std::floor(format.kind == TimeKind::kUnix ? number : number / 1000);
  // Beyond this a double does not fit an integer.
  if (!(std::abs(seconds) < 9e18)) return InvalidArgument("time {} is out of range", number);
  return ToEpoch(static_cast<std::int64_t>(seconds), fmt::format("{}", number));
}

std::string FormatTime(Epoch epoch) {
  const std::chrono::sys_seconds time{
      std::chrono::seconds(static_cast<std::int64_t>(std::min(epoch.value(), kMaxEpoch)))};
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss clock{time - day};
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     clock.hours().count(), clock.minutes().count(), clock.seconds().count());
}

}  // namespace carillon
