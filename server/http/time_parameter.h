#pragma once

#include <cstdint>
#include <string_view>

#include "base/ids.h"
#include "base/status.h"

namespace carillon {

// A second as a client may write it: "1428415043", "now", "-5m", "now-5m" (units s m h d).
// What lies before 1970 is 1970. INVALID_ARGUMENT names `field`.
StatusOr<Epoch> ParseTime(std::string_view field, std::string_view text, std::uint64_t now_seconds);

}  // namespace carillon
