#include "tools/carillon/input/long_numbers.h"

#include <algorithm>

namespace carillon {
namespace {

constexpr std::size_t kSafeDigits = 18;  // any integer of as many fits 64 bits
constexpr std::string_view kBlank = "null";

bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}

std::size_t SkipDigits(std::string_view text, std::size_t at) {
  while (at < text.size() && IsDigit(text[at])) ++at;
  return at;
}

// RFC 8259: [-] int [frac] [exp].
bool IsJsonNumber(std::string_view text) {
  std::size_t at = text.starts_with('-') ? 1 : 0;
  const std::size_t integer = at;
  at = SkipDigits(text, at);
  if (at == integer || (text[integer] == '0' && at > integer + 1)) return false;
  if (at < text.size() && text[at] == '.') {
    const std::size_t fraction = ++at;
    at = SkipDigits(text, at);
    if (at == fraction) return false;
  }
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    ++at;
    if (at < text.size() && (text[at] == '+' || text[at] == '-')) ++at;
    const std::size_t exponent = at;
    at = SkipDigits(text, at);
    if (at == exponent) return false;
  }
  return at == text.size();
}

bool MayBeTooLong(std::string_view number) {
  return number.size() > kSafeDigits || number.find_first_of("eE") != std::string_view::npos;
}

// Behind the string that begins at `at`.
std::size_t SkipString(std::string_view text, std::size_t at) {
  for (++at; at < text.size() && text[at] != '"'; ++at) {
    if (text[at] == '\\') ++at;
  }
  return std::min(at + 1, text.size());
}

}  // namespace

bool BlankLongNumbers(std::string_view json, std::string* out) {
  constexpr std::string_view kNumberBytes = "0123456789+-.eE";
  out->assign(json);
  bool found = false;
  for (std::size_t at = 0; at < json.size();) {
    if (json[at] == '"') {
      at = SkipString(json, at);
    } else if (json[at] == '-' || IsDigit(json[at])) {
      const std::size_t end = std::min(json.find_first_not_of(kNumberBytes, at), json.size());
      const std::string_view number = json.substr(at, end - at);
      if (number.size() >= kBlank.size() && MayBeTooLong(number) && IsJsonNumber(number)) {
        std::fill(out->begin() + at, out->begin() + end, ' ');
        std::copy(kBlank.begin(), kBlank.end(), out->begin() + at);
        found = true;
      }
      at = end;
    } else {
      ++at;
    }
  }
  return found;
}

}  // namespace carillon
