#pragma once

#include <string>
#include <string_view>

namespace carillon {

// simdjson refuses numbers that fit neither 64 bits nor a double; JSON has no such limit, and an
// event keeps its text. Copies `json` to `out` with every well-formed number of that kind (18
// digits or more, or an exponent) replaced by null and spaces of the same length. False: there was
// none. Pure; `json` may be anything.
bool BlankLongNumbers(std::string_view json, std::string* out);

}  // namespace carillon
