#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "collector/dialects/json_document.h"

// What a tenant wants done with its events before they are kept. Pure.
namespace carillon {

// "web.clicks", or with a '*' at its end for all that begin so; empty: every stream.
class StreamPattern {
 public:
  StreamPattern() = default;
  explicit StreamPattern(std::string text) : text_(std::move(text)) {}
  bool Matches(std::string_view stream) const;

 private:
  std::string text_;
};

// A field of an event: "email", or "user.email" for one inside.
struct FieldTest {
  enum class Kind { kEquals, kExists, kAbsent, kPrefix } kind = Kind::kExists;
  std::string field;
  std::string text;  // of kEquals and kPrefix: of a text, or a number or bool as written
};

struct EventRule {
  enum class Action {
    kKeep,    // the rules behind this one are not looked at
    kDrop,    // accepted, and not stored
    kBlock,   // rejected
    kSample,  // kept in `per_million` of a million: by hash of a field, so that the choice is
              // stable
    kRedact,  // each of `fields` that is there becomes "[redacted]"
    kHash,    // each of `fields` becomes a salted hash of its text, the same for the same text
    kRemove,  // each of `fields` goes
    kRename,  // `fields` are called `text`
    kSet,     // `fields` become `text` (JSON), there or not
    kRoute,   // goes to `bucket`, `type`, `subtype`; those that are empty stay
  } action = Action::kKeep;
  StreamPattern stream;
  std::vector<FieldTest> when;  // all of them; none: every event
  std::vector<std::string> fields;
  std::string text;
  std::uint32_t per_million = 0;
  std::string bucket;
  std::string type;
  std::string subtype;
};

// The event that rules are applied to.
struct RuledEvent {
  std::string_view stream;
  std::string_view id;
  std::string json;  // changed in place; stays one valid object in one line
  std::string bucket;
  std::string type;
  std::string subtype;
};

enum class RuleVerdict { kKeep, kDrop, kBlock };

// Applies `rules` in their order. Requires: `document` is that of event->json, an object; it still
// is afterwards. Cost: a parse of the event for each change.
RuleVerdict ApplyRules(const std::vector<EventRule>& rules, std::string_view salt,
                       JsonDocument* document, RuledEvent* event);

// The value of a field; none: not there. A member whose name has a dot is found by that name, too.
JsonValue FindField(JsonValue object, std::string_view field);

// Takes every member of that name out of the object. Requires and leaves: as ApplyRules.
void RemoveMembers(std::string_view name, JsonDocument* document, std::string* json);

}  // namespace carillon
