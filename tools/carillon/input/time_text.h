#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/ids.h"
#include "base/status.h"

// Times as events and people write them. All results are whole seconds, fractions cut off towards
// the past; INVALID_ARGUMENT quotes what could not be read.
namespace carillon {

enum class TimeKind { kUnix, kUnixMs, kRfc3339, kClf, kStrptime };

struct TimeFormat {
  TimeKind kind = TimeKind::kUnix;
  std::string pattern;  // of kStrptime
};

// "unix", "unix_ms", "rfc3339", "clf", "strptime:PATTERN".
StatusOr<TimeFormat> ParseTimeFormat(std::string_view text);

// "1428415043", "1428415043.25".
StatusOr<Epoch> ParseUnixTime(std::string_view text);
// "1428415043250".
StatusOr<Epoch> ParseUnixMillis(std::string_view text);
// "2015-04-07T13:57:23.5Z", "2015-04-07 13:57:23+02:00": a zone is needed.
StatusOr<Epoch> ParseRfc3339(std::string_view text);
// "17/May/2015:10:05:03 +0000", as in access logs.
StatusOr<Epoch> ParseClfTime(std::string_view text);
// With a pattern of strptime(3); UTC unless it has %z. The whole text must match.
StatusOr<Epoch> ParseWithPattern(const std::string& pattern, std::string_view text);

StatusOr<Epoch> ParseTimeText(const TimeFormat& format, std::string_view text);
// A JSON number of seconds or milliseconds. INVALID_ARGUMENT: the format is neither.
StatusOr<Epoch> ParseTimeNumber(const TimeFormat& format, double number);

// "2015-04-07T13:57:23Z".
std::string FormatTime(Epoch epoch);

}  // namespace carillon
