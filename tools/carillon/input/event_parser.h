#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/ids.h"
#include "base/status.h"
#include "tools/carillon/input/time_text.h"

// What an event says of its place: its second, type, and subtype.
namespace carillon {

inline constexpr std::size_t kMaxEventDepth = 64;

// Where to find them: a constant, or a JSON pointer (RFC 6901) into the event.
struct FieldRules {
  std::optional<Epoch> time;
  std::string time_pointer = "/timestamp";
  TimeFormat time_format;
  std::optional<std::string> type;
  std::string type_pointer = "/type";
  std::optional<std::string> subtype;
  std::string subtype_pointer = "/subtype";
};

// INVALID_ARGUMENT: does not begin with '/', or has a '~' that is not ~0 or ~1.
Status CheckJsonPointer(std::string_view option, std::string_view pointer);

// `text` as a type or subtype: every byte outside [A-Za-z0-9_.-] becomes '_', cut at 64.
void MapToName(std::string_view text, std::string* name);

struct EventPlace {
  Epoch epoch;
  std::string_view type;     // fit for a key
  std::string_view subtype;  // likewise; empty when the event has none
};

// Threads: one caller at a time. Cost: a whole validating parse, about 1 GB/s; no allocation once
// it has seen the largest event.
class EventParser {
 public:
  explicit EventParser(FieldRules rules);
  ~EventParser();

  // Requires: kTextPadding readable bytes behind `text`. The result is valid until the next call.
  // INVALID_ARGUMENT: not one JSON object in UTF-8, nested deeper than kMaxEventDepth, or without
  // the fields the rules want; a number of any length is fine.
  StatusOr<EventPlace> Parse(std::string_view text);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace carillon
