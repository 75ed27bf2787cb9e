#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/status.h"

namespace carillon {

// Unpacks one or more gzip members (RFC 1952), one behind the other, as Fluentd writes them.
// INVALID_ARGUMENT: none, damaged, cut off, or something behind them. OUT_OF_RANGE: more than
// `max_bytes` come out, or more than kMaxGzipRatio times the input and kMinGzipLimit.
// Memory: what comes out, twice at most.
StatusOr<std::string> GunzipMembers(std::string_view packed, std::size_t max_bytes);

// One member, packed fast. Empty: zlib has no memory.
std::string GzipMember(std::string_view bytes);

inline constexpr std::size_t kMaxGzipRatio = 200;
inline constexpr std::size_t kMinGzipLimit = std::size_t{1} << 20;

}  // namespace carillon
