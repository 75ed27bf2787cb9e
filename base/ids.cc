#include "base/ids.h"

namespace carillon {
namespace {

int HexValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool DashBefore(std::size_t byte) {
  return byte == 4 || byte == 6 || byte == 8 || byte == 10;
}

}  // namespace

std::string ToString(const Uuid& uuid) {
  std::string text;
  text.reserve(36);
  for (std::size_t i = 0; i < uuid.bytes.size(); ++i) {
    if (DashBefore(i)) text += '-';
    text += fmt::format("{:02x}", uuid.bytes[i]);
  }
  return text;
}

StatusOr<Uuid> ParseUuid(std::string_view text) {
  if (text.size() != 36) return InvalidArgument("uuid of {} characters, want 36", text.size());
  Uuid uuid;
  std::size_t at = 0;
  for (std::size_t i = 0; i < uuid.bytes.size(); ++i) {
    if (DashBefore(i) && text[at++] != '-') return InvalidArgument("uuid without its dashes");
    const int high = HexValue(text[at++]);
    const int low = HexValue(text[at++]);
    if (high < 0 || low < 0) return InvalidArgument("uuid with a letter that is not hexadecimal");
    uuid.bytes[i] = static_cast<std::uint8_t>(high * 16 + low);
  }
  return uuid;
}

}  // namespace carillon
