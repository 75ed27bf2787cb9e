#include "collector/dialects/msgpack_json.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <limits>

#include "base/coding.h"
#include "collector/dialects/msgpack.h"

namespace carillon {
namespace {

void PutHead(unsigned char head, std::string* out) {
  out->push_back(static_cast<char>(head));
}

template <typename Number>
bool Parse(std::string_view text, Number* value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *value);
  return error == std::errc() && end == text.data() + text.size();
}

void PutNegative(std::int64_t number, std::string* out) {
  if (number >= -32) return PutHead(static_cast<unsigned char>(number), out);
  if (number >= std::numeric_limits<std::int32_t>::min()) {
    PutHead(0xd2, out);
    return PutOrdered(out, static_cast<std::uint32_t>(number));
  }
  PutHead(0xd3, out);
  PutOrdered(out, static_cast<std::uint64_t>(number));
}

void PutNumber(std::string_view digits, std::string* out) {
  if (std::uint64_t whole = 0; Parse(digits, &whole)) return AppendMsgpackUnsigned(whole, out);
  if (std::int64_t whole = 0; Parse(digits, &whole) && whole < 0) return PutNegative(whole, out);
  double real = 0;
  if (!Parse(digits, &real)) return AppendMsgpackText(digits, out);
  PutHead(0xcb, out);
  PutOrdered(out, std::bit_cast<std::uint64_t>(real));
}

std::size_t MembersOf(JsonValue object) {
  std::size_t count = 0;
  for ([[maybe_unused]] const JsonMember member : object.members()) ++count;
  return count;
}

void Put(JsonValue value, std::string* scratch, std::string* out) {
  switch (value.type()) {
    case JsonType::kNone:
    case JsonType::kNull:
      return PutHead(0xc0, out);
    case JsonType::kBool:
      return AppendMsgpackBool(value.raw() == "true", out);
    case JsonType::kNumber:
      return PutNumber(value.raw(), out);
    case JsonType::kString:
      return AppendMsgpackText(value.Text(scratch), out);
    case JsonType::kArray:
      AppendMsgpackArray(value.size(), out);
      for (const JsonValue item : value.items()) Put(item, scratch, out);
      return;
    case JsonType::kObject:
      AppendMsgpackMap(MembersOf(value), out);
      for (const JsonMember member : value.members()) {
        Put(member.name, scratch, out);
        Put(member.value, scratch, out);
      }
      return;
  }
}

}  // namespace

void AppendMsgpackUnsigned(std::uint64_t number, std::string* out) {
  if (number < 128) return PutHead(static_cast<unsigned char>(number), out);
  if (number <= std::numeric_limits<std::uint32_t>::max()) {
    PutHead(0xce, out);
    return PutOrdered(out, static_cast<std::uint32_t>(number));
  }
  PutHead(0xcf, out);
  PutOrdered(out, number);
}

void AppendMsgpackEventTime(std::uint64_t seconds, std::uint32_t nanoseconds, std::string* out) {
  constexpr std::uint64_t kLast = std::numeric_limits<std::uint32_t>::max();
  PutHead(0xd7, out);
  PutHead(0, out);
  PutOrdered(out, static_cast<std::uint32_t>(std::min(seconds, kLast)));
  PutOrdered(out, nanoseconds);
}

void AppendMsgpackOf(JsonValue value, std::string* out) {
  std::string scratch;
  Put(value, &scratch, out);
}

}  // namespace carillon
