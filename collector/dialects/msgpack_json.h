#pragma once

#include <cstdint>
#include <string>

#include "collector/dialects/json_document.h"

// Events as MessagePack, for whoever sends them: the other direction of MsgpackReader::AppendJson.
namespace carillon {

void AppendMsgpackUnsigned(std::uint64_t number, std::string* out);

// Fluent's EventTime (extension 0). Seconds of 2106 and later do not fit and are cut to the last.
void AppendMsgpackEventTime(std::uint64_t seconds, std::uint32_t nanoseconds, std::string* out);

// Appends a value of JSON. A whole number that fits 64 bits stays one, any other becomes a double;
// one that a double cannot hold (1e999) the text of its digits. Names that come twice come twice.
// Requires: value.exists().
void AppendMsgpackOf(JsonValue value, std::string* out);

}  // namespace carillon
