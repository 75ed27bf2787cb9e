#include "server/http/json_reader.h"

#include <charconv>

namespace carillon {

Status ForEachMember(ByteSpan body,
                     const std::function<Status(std::string_view, simdjson::dom::element)>& visit) {
  simdjson::dom::parser parser;
  if (parser.allocate(body.size() + 1, kMaxJsonDepth) != simdjson::SUCCESS) {
    return ResourceExhausted("no memory to parse a body of {} bytes", body.size());
  }
  simdjson::dom::element document;
  const auto error = parser.parse(body.data(), body.size()).get(document);
  if (error != simdjson::SUCCESS) {
    return InvalidArgument("body: {}", simdjson::error_message(error));
  }
  return ForEachMember("body", document, visit);
}

Status ForEachMember(std::string_view field, simdjson::dom::element object,
                     const std::function<Status(std::string_view, simdjson::dom::element)>& visit) {
  simdjson::dom::object members;
  if (object.get(members) != simdjson::SUCCESS) {
    return InvalidArgument("{} is not a JSON object", field);
  }
  for (const auto member : members) RETURN_IF_ERROR(visit(member.key, member.value));
  return OkStatus();
}

StatusOr<std::uint64_t> JsonUnsigned(std::string_view field, simdjson::dom::element value,
                                     std::uint64_t max) {
  std::uint64_t number = 0;
  if (value.get(number) != simdjson::SUCCESS || number > max) {
    return InvalidArgument("{} is not a whole number of 0..{}", field, max);
  }
  return number;
}

StatusOr<std::string_view> JsonText(std::string_view field, simdjson::dom::element value) {
  std::string_view text;
  if (value.get(text) != simdjson::SUCCESS) return InvalidArgument("{} is not a string", field);
  return text;
}

StatusOr<std::uint32_t> ParseCrcHex(std::string_view field, std::string_view text) {
  std::uint32_t crc = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), crc, 16);
  if (text.size() != 8 || parsed.ec != std::errc() || parsed.ptr != text.data() + text.size()) {
    return InvalidArgument("{} is '{}', want 8 hexadecimal digits", field, text);
  }
  return crc;
}

}  // namespace carillon
