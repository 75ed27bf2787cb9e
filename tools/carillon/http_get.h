#pragma once

#include <string>

#include "base/clock.h"
#include "base/status.h"

namespace carillon {

// The body of a 200, by HTTP or HTTPS; redirects are not followed.
// UNAVAILABLE: nobody answers, or not within `timeout`, or with another status;
// RESOURCE_EXHAUSTED: more than kMaxGetBytes.
inline constexpr std::size_t kMaxGetBytes = std::size_t{4} << 20;
StatusOr<std::string> HttpGet(const std::string& url, Duration timeout);

}  // namespace carillon
