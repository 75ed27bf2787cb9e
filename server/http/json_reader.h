#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include <simdjson.h>

#include "base/bytes.h"
#include "base/status.h"

// What the bodies of requests are read with. Every error is INVALID_ARGUMENT and names the field.
namespace carillon {

inline constexpr std::size_t kMaxJsonDepth = 16;

// Parses `body`, an object, and calls `visit` with each of its members; an error of it ends all.
// A member that comes twice is visited twice.
Status ForEachMember(
    ByteSpan body,
    const std::function<Status(std::string_view name, simdjson::dom::element value)>& visit);
// The same of an object inside; `field` names it.
Status ForEachMember(
    std::string_view field, simdjson::dom::element object,
    const std::function<Status(std::string_view name, simdjson::dom::element value)>& visit);

StatusOr<std::uint64_t> JsonUnsigned(std::string_view field, simdjson::dom::element value,
                                     std::uint64_t max);
// Valid as long as the document.
StatusOr<std::string_view> JsonText(std::string_view field, simdjson::dom::element value);

// "e3069283": eight hexadecimal digits.
StatusOr<std::uint32_t> ParseCrcHex(std::string_view field, std::string_view text);

}  // namespace carillon
