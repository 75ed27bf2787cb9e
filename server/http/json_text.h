#pragma once

#include <string>
#include <string_view>

namespace carillon {

// Appends `text` as a JSON string, quotes included. What is not UTF-8 loses its non-ASCII bytes to
// '?': the result is always valid JSON.
void AppendJsonString(std::string_view text, std::string* out);

// The same, as a value.
std::string JsonString(std::string_view text);

}  // namespace carillon
