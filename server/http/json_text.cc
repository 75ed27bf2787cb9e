#include "server/http/json_text.h"

#include <fmt/format.h>
#include <simdjson.h>

namespace carillon {

void AppendJsonString(std::string_view text, std::string* out) {
  const bool utf8 = simdjson::validate_utf8(text.data(), text.size());
  out->push_back('"');
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out->push_back('\\');
      out->push_back(c);
    } else if (c == '\n') {
      out->append("\\n");
    } else if (byte < 0x20 || byte == 0x7f) {
      fmt::format_to(std::back_inserter(*out), "\\u{:04x}", byte);
    } else {
      out->push_back(byte >= 0x80 && !utf8 ? '?' : c);
    }
  }
  out->push_back('"');
}

std::string JsonString(std::string_view text) {
  std::string out;
  AppendJsonString(text, &out);
  return out;
}

}  // namespace carillon
