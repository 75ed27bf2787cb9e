#include "server/http/json_text.h"

#include <simdjson.h>

#include "base/json_writer.h"

namespace carillon {

void AppendJsonString(std::string_view text, std::string* out) {
  out->push_back('"');
  if (simdjson::validate_utf8(text.data(), text.size())) {
    AppendJsonEscaped(out, text);
  } else {
    std::string ascii(text);
    for (char& c : ascii) c = static_cast<unsigned char>(c) >= 0x80 ? '?' : c;
    AppendJsonEscaped(out, ascii);
  }
  out->push_back('"');
}

std::string JsonString(std::string_view text) {
  std::string out;
  AppendJsonString(text, &out);
  return out;
}

}  // namespace carillon
