#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "collector/dialects/json_document.h"

// Times as clients write them, as microseconds since 1970. What cannot be read is no time: the
// event is then of when it came.
namespace carillon {

enum class TimeUnit : std::uint8_t { kSeconds, kMilliseconds, kMicroseconds, kNanoseconds };

// "1700000000.123": a decimal number, read exactly, cut below a microsecond; with an exponent, as a
// double. nullopt: no number, or beyond 64 bits.
std::optional<std::int64_t> TimeOfNumber(std::string_view digits, TimeUnit unit);
// "2023-11-14T22:13:20.123Z", "2023-11-14 22:13:20+01:00" (RFC 3339, also without an offset: UTC;
// also a date alone).
std::optional<std::int64_t> TimeOfText(std::string_view text);
// A number in `unit`, or a text of either kind.
std::optional<std::int64_t> TimeOf(JsonValue value, TimeUnit unit);

// Of a date in the proleptic Gregorian calendar. Requires: month 1..12, day 1..31.
std::int64_t DaysSince1970(std::int64_t year, unsigned month, unsigned day);
// The year of a time.
std::int64_t YearOf(std::int64_t time_us);

inline constexpr std::int64_t kSecondUs = 1'000'000;
inline constexpr std::int64_t kDayUs = 86'400 * kSecondUs;

}  // namespace carillon
