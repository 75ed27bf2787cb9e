#include "base/ack_level.h"

namespace carillon {

std::string_view ToString(AckLevel level) {
  switch (level) {
    case AckLevel::kLocal:
      return "local";
    case AckLevel::kReplicated:
      return "replicated";
    case AckLevel::kStored:
      return "stored";
  }
  return "?";
}

std::optional<AckLevel> ParseAckLevel(std::string_view text) {
  for (const AckLevel level : {AckLevel::kLocal, AckLevel::kReplicated, AckLevel::kStored}) {
    if (text == ToString(level)) return level;
  }
  return std::nullopt;
}

}  // namespace carillon
