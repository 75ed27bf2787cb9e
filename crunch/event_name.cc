#include "crunch/event_name.h"

#include "base/chunk_key.h"

namespace carillon {

void AppendName(std::string_view text, std::string* out) {
  for (const char c : text.substr(0, kMaxNameBytes)) {
    const bool allowed = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                         (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '-';
    out->push_back(allowed ? c : '_');
  }
}

}  // namespace carillon
