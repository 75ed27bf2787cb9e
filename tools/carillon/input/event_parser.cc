#include "tools/carillon/input/event_parser.h"

#include <algorithm>

#include <simdjson.h>

#include "base/check.h"
#include "crunch/chunk_codec.h"
#include "crunch/event_name.h"
#include "tools/carillon/input/long_numbers.h"
#include "tools/carillon/input/stream_buffer.h"

namespace carillon {
namespace {

using simdjson::dom::element;
using simdjson::dom::element_type;

constexpr std::size_t kFirstCapacity = 64 << 10;

Status NotJson(simdjson::error_code error) {
  if (error == simdjson::DEPTH_ERROR) {
    return InvalidArgument("nested deeper than {} levels", kMaxEventDepth);
  }
  return InvalidArgument("no JSON: {}", simdjson::error_message(error));
}

StatusOr<Epoch> TimeOf(const element& value, const TimeFormat& format, std::string_view pointer) {
  std::string_view text;
  double number = 0;
  StatusOr<Epoch> epoch = Epoch{};
  if (value.get_string().get(text) == simdjson::SUCCESS) {
    epoch = ParseTimeText(format, text);
  } else if (value.get_double().get(number) == simdjson::SUCCESS) {
    epoch = ParseTimeNumber(format, number);
  } else {
    return InvalidArgument("{} is neither a text nor a number", pointer);
  }
  if (!epoch.ok()) return Annotate(epoch.status(), pointer);
  return epoch;
}

// A text, or an integer or a bool as text.
Status NameOf(const element& value, std::string_view pointer, std::string* name) {
  std::string_view text;
  std::int64_t integer = 0;
  bool boolean = false;
  if (value.get_string().get(text) == simdjson::SUCCESS) {
    MapToName(text, name);
  } else if (value.get_int64().get(integer) == simdjson::SUCCESS) {
    MapToName(fmt::format("{}", integer), name);
  } else if (value.get_bool().get(boolean) == simdjson::SUCCESS) {
    *name = boolean ? "true" : "false";
  } else {
    return InvalidArgument("{} is no text", pointer);
  }
  return OkStatus();
}

}  // namespace

Status CheckJsonPointer(std::string_view option, std::string_view pointer) {
  if (!pointer.starts_with('/')) {
    return InvalidArgument("{} '{}' is no JSON pointer: it begins with '/'", option, pointer);
  }
  for (std::size_t i = 0; i < pointer.size(); ++i) {
    if (pointer[i] != '~') continue;
    const char next = i + 1 < pointer.size() ? pointer[i + 1] : '\0';
    if (next != '0' && next != '1') {
      return InvalidArgument("{} '{}' is no JSON pointer: '~' is written ~0", option, pointer);
    }
  }
  return OkStatus();
}

void MapToName(std::string_view text, std::string* name) {
  name->clear();
  AppendName(text, name);
}

struct EventParser::State {
  explicit State(FieldRules given) : rules(std::move(given)) {
    if (rules.type.has_value()) MapToName(*rules.type, &type);
    if (rules.subtype.has_value()) MapToName(*rules.subtype, &subtype);
  }

  // Room for `size` bytes, with the depth's limit.
  void Reserve(std::size_t size) {
    if (parser.capacity() >= size && parser.max_depth() == kMaxEventDepth) return;
    const std::size_t capacity = std::max(2 * size, kFirstCapacity);
    CHECK(parser.allocate(capacity, kMaxEventDepth) == simdjson::SUCCESS);
  }

  StatusOr<element> ParseJson(std::string_view text) {
    Reserve(text.size());
    element root;
    auto error = parser.parse(text.data(), text.size(), false).get(root);
    if (error == simdjson::NUMBER_ERROR) {
      // Perhaps only too long for 64 bits, which is none of our business.
      if (!BlankLongNumbers(text, &blanked)) return NotJson(error);
      const std::size_t size = blanked.size();
      blanked.resize(size + kTextPadding);
      error = parser.parse(blanked.data(), size, false).get(root);
    }
    if (error != simdjson::SUCCESS) return NotJson(error);
    if (root.type() != element_type::OBJECT) return InvalidArgument("no JSON object");
    return root;
  }

  Status FindTime(const element& root, EventPlace* place) const {
    if (rules.time.has_value()) {
      place->epoch = *rules.time;
      return OkStatus();
    }
    element value;
    if (root.at_pointer(rules.time_pointer).get(value) != simdjson::SUCCESS) {
      return InvalidArgument("no field {} for the time", rules.time_pointer);
    }
    ASSIGN_OR_RETURN(place->epoch, TimeOf(value, rules.time_format, rules.time_pointer));
    return OkStatus();
  }

  Status FindType(const element& root) {
    if (rules.type.has_value()) return OkStatus();
    element value;
    if (root.at_pointer(rules.type_pointer).get(value) != simdjson::SUCCESS) {
      return InvalidArgument("no field {} for the type", rules.type_pointer);
    }
    RETURN_IF_ERROR(NameOf(value, rules.type_pointer, &type));
    if (type.empty()) return InvalidArgument("{} is empty", rules.type_pointer);
    return OkStatus();
  }

  Status FindSubtype(const element& root) {
    if (rules.subtype.has_value()) return OkStatus();
    subtype.clear();
    element value;
    const bool found =
        root.at_pointer(rules.subtype_pointer).get(value) == simdjson::SUCCESS && !value.is_null();
    return found ? NameOf(value, rules.subtype_pointer, &subtype) : OkStatus();
  }

  const FieldRules rules;
  simdjson::dom::parser parser;
  std::string blanked;
  std::string type;
  std::string subtype;
};

EventParser::EventParser(FieldRules rules) : state_(std::make_unique<State>(std::move(rules))) {}

EventParser::~EventParser() = default;

StatusOr<EventPlace> EventParser::Parse(std::string_view text) {
  if (text.size() > kMaxEventBytes) {
    return InvalidArgument("an event of {} bytes, at most {} are taken", text.size(),
                           kMaxEventBytes);
  }
  ASSIGN_OR_RETURN(const element root, state_->ParseJson(text));
  EventPlace place;
  RETURN_IF_ERROR(state_->FindTime(root, &place));
  RETURN_IF_ERROR(state_->FindType(root));
  RETURN_IF_ERROR(state_->FindSubtype(root));
  place.type = state_->type;
  place.subtype = state_->subtype;
  return place;
}

}  // namespace carillon
