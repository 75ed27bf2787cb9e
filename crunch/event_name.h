#pragma once

#include <string>
#include <string_view>

namespace carillon {

// Appends `text` as a type or subtype: every byte outside [A-Za-z0-9_.-] becomes '_', cut at
// kMaxNameBytes. Pure.
void AppendName(std::string_view text, std::string* out);

}  // namespace carillon
