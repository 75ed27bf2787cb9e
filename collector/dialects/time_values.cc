#include "collector/dialects/time_values.h"

#include <charconv>
#include <chrono>
#include <cmath>

namespace carillon {
namespace {

// How many decimal places a unit's point moves to the right to give microseconds.
int PlacesOf(TimeUnit unit) {
  switch (unit) {
    case TimeUnit::kSeconds:
      return 6;
    case TimeUnit::kMilliseconds:
      return 3;
    case TimeUnit::kMicroseconds:
      return 0;
    case TimeUnit::kNanoseconds:
      return -3;
  }
  return 0;
}

bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}

std::optional<std::int64_t> TimeOfDouble(std::string_view digits, int places) {
  double value = 0;
  const auto result = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (result.ec != std::errc{} || result.ptr != digits.data() + digits.size()) return std::nullopt;
  value *= std::pow(10.0, places);
  if (!(std::abs(value) < 9.2e18)) return std::nullopt;
  return static_cast<std::int64_t>(value);
}

// Takes pieces of fixed form from the front of a text; after a mismatch, takes nothing more.
class TextTaker {
 public:
  explicit TextTaker(std::string_view text) : text_(text) {}
  unsigned Number(std::size_t digits) {
    unsigned value = 0;
    for (std::size_t i = 0; i < digits; ++i) {
      if (!good_ || i >= text_.size() || !IsDigit(text_[i])) return Fail();
      value = value * 10 + static_cast<unsigned>(text_[i] - '0');
    }
    text_.remove_prefix(digits);
    return value;
  }
  char OneOf(std::string_view wanted) {
    if (!good_ || text_.empty() || wanted.find(text_[0]) == std::string_view::npos) {
      Fail();
      return '\0';
    }
    const char c = text_[0];
    text_.remove_prefix(1);
    return c;
  }
  // Digits behind a point, as microseconds.
  std::int64_t Fraction() {
    std::int64_t value = 0;
    int taken = 0;
    for (; !text_.empty() && IsDigit(text_[0]); text_.remove_prefix(1)) {
      if (taken++ < 6) value = value * 10 + (text_[0] - '0');
    }
    if (taken == 0) Fail();
    for (; taken < 6; ++taken) value *= 10;
    return value;
  }
  bool Next(char c) const { return good_ && !text_.empty() && text_[0] == c; }
  bool good() const { return good_; }
  bool empty() const { return text_.empty(); }

 private:
  unsigned Fail() {
    good_ = false;
    return 0;
  }
  std::string_view text_;
  bool good_ = true;
};

std::int64_t OffsetSeconds(TextTaker* taker) {
  if (taker->empty()) return 0;
  const char sign = taker->OneOf("Zz+-");
  if (sign != '+' && sign != '-') return 0;
  const unsigned hours = taker->Number(2);
  if (taker->Next(':')) taker->OneOf(":");
  const unsigned minutes = taker->Number(2);
  const std::int64_t seconds = std::int64_t{hours} * 3600 + std::int64_t{minutes} * 60;
  return sign == '-' ? -seconds : seconds;
}

}  // namespace

std::int64_t DaysSince1970(std::int64_t year, unsigned month, unsigned day) {
  const auto date = std::chrono::year(static_cast<int>(year)) / std::chrono::month(month) / 1;
  return std::chrono::sys_days(date).time_since_epoch().count() + day - 1;
}

std::int64_t YearOf(std::int64_t time_us) {
  const std::chrono::sys_time<std::chrono::microseconds> time{std::chrono::microseconds(time_us)};
  return static_cast<int>(
      std::chrono::year_month_day(std::chrono::floor<std::chrono::days>(time)).year());
}

std::optional<std::int64_t> TimeOfNumber(std::string_view digits, TimeUnit unit) {
  const int places = PlacesOf(unit);
  if (digits.find_first_of("eE") != std::string_view::npos) return TimeOfDouble(digits, places);
  const bool negative = digits.starts_with('-');
  if (negative) digits.remove_prefix(1);
  const std::size_t point = std::min(digits.find('.'), digits.size());
  const std::string_view whole = digits.substr(0, point);
  const std::string_view fraction = digits.substr(std::min(point + 1, digits.size()));
  if (whole.empty() || whole.size() > 24) return std::nullopt;
  std::int64_t value = 0;
  const auto push = [&value](char c) {
    return IsDigit(c) && !__builtin_mul_overflow(value, 10, &value) &&
           !__builtin_add_overflow(value, c - '0', &value);
  };
  const std::size_t cut = places < 0 ? static_cast<std::size_t>(-places) : 0;
  for (std::size_t i = 0; i < whole.size(); ++i) {
    if (!IsDigit(whole[i])) return std::nullopt;
    if (i + cut < whole.size() && !push(whole[i])) return std::nullopt;
  }
  for (std::size_t i = 0; i < fraction.size(); ++i) {
    if (!IsDigit(fraction[i])) return std::nullopt;
  }
  for (int i = 0; i < places; ++i) {
    const auto place = static_cast<std::size_t>(i);
    if (!push(place < fraction.size() ? fraction[place] : '0')) return std::nullopt;
  }
  return negative ? -value : value;
}

std::optional<std::int64_t> TimeOfText(std::string_view text) {
  TextTaker taker(text);
  const unsigned year = taker.Number(4);
  taker.OneOf("-");
  const unsigned month = taker.Number(2);
  taker.OneOf("-");
  const unsigned day = taker.Number(2);
  if (!taker.good() || month < 1 || month > 12 || day < 1 || day > 31) return std::nullopt;
  const std::int64_t midnight = DaysSince1970(year, month, day) * 86'400;
  if (taker.empty()) return midnight * kSecondUs;
  taker.OneOf("Tt ");
  const unsigned hour = taker.Number(2);
  taker.OneOf(":");
  const unsigned minute = taker.Number(2);
  unsigned second = 0;
  if (taker.Next(':')) {
    taker.OneOf(":");
    second = taker.Number(2);
  }
  std::int64_t fraction = 0;
  if (taker.Next('.') || taker.Next(',')) {
    taker.OneOf(".,");
    fraction = taker.Fraction();
  }
  const std::int64_t offset = OffsetSeconds(&taker);
  if (!taker.good() || !taker.empty() || hour > 23 || minute > 59 || second > 60) {
    return std::nullopt;
  }
  const std::int64_t seconds = midnight + hour * 3600 + minute * 60 + second - offset;
  return seconds * kSecondUs + fraction;
}

std::optional<std::int64_t> TimeOf(JsonValue value, TimeUnit unit) {
  const std::string_view digits = value.Written();
  if (const auto time = TimeOfNumber(digits, unit); time.has_value()) return time;
  return value.IsString() ? TimeOfText(digits) : std::nullopt;
}

}  // namespace carillon
