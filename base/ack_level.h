#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace carillon {

// What a collector has done with events when it says that it has them
// (docs/design/0009-acknowledgements.md).
enum class AckLevel : std::uint8_t {
  kLocal,       // they are on its disk
  kReplicated,  // they are on its disk and on another collector's
  kStored,      // they are committed in the ring
};

// "local", "replicated", "stored".
std::string_view ToString(AckLevel level);
std::optional<AckLevel> ParseAckLevel(std::string_view text);

}  // namespace carillon
