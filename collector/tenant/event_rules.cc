#include "collector/tenant/event_rules.h"

#include <optional>

#include "base/check.h"
#include "base/hash.h"
#include "collector/dialects/json_text.h"
#include "collector/tenant/write_key.h"

namespace carillon {
namespace {

constexpr std::string_view kRedacted = "\"[redacted]\"";
constexpr std::size_t kHashDigits = 32;
constexpr std::uint64_t kMillion = 1'000'000;

// A piece of the text of an event.
struct Span {
  std::size_t begin = 0;
  std::size_t end = 0;
};

Span SpanOf(std::string_view piece, std::string_view text) {
  const auto begin = static_cast<std::size_t>(piece.data() - text.data());
  return {begin, begin + piece.size()};
}

// Every member of that name, in the order of the text: one that comes twice cannot hide behind the
// other.
void FindMembers(JsonValue object, std::string_view field, std::vector<JsonMember>* found) {
  std::string scratch;
  for (const JsonMember member : object.members()) {
    const std::string_view name = member.name.Text(&scratch);
    if (name == field) {
      found->push_back(member);
    } else if (field.starts_with(name) && field.size() > name.size() + 1 &&
               field[name.size()] == '.') {
      FindMembers(member.value, field.substr(name.size() + 1), found);
    }
  }
}

std::string HashedText(std::string_view salt, JsonValue value) {
  std::string scratch;
  std::string_view text = value.Text(&scratch);
  if (text.empty()) text = value.raw();
  std::string salted(salt);
  salted += '\0';
  salted += text;
  return '"' + ToHex(HashOf(salted)).substr(0, kHashDigits) + '"';
}

// What is written in place of a piece of the text; nullopt: the member at it goes.
struct Edit {
  Span name;
  Span piece;
  std::optional<std::string> by;
};

// Without the member, and without one of the commas beside it.
void CutMember(std::size_t begin, std::size_t end, std::string* json) {
  const std::size_t next = json->find_first_not_of(" \t", end);
  if (next != std::string::npos && (*json)[next] == ',') {
    end = next + 1;
  } else {
    const std::size_t before = json->find_last_not_of(" \t", begin - 1);
    if (before != std::string::npos && (*json)[before] == ',') begin = before;
  }
  json->erase(begin, end - begin);
}

// From the last to the first, so that positions stay right.
void Carry(const std::vector<Edit>& edits, std::string* json) {
  for (auto edit = edits.rbegin(); edit != edits.rend(); ++edit) {
    if (edit->by.has_value()) {
      json->replace(edit->piece.begin, edit->piece.end - edit->piece.begin, *edit->by);
    } else {
      CutMember(edit->name.begin, edit->piece.end, json);
    }
  }
}

void AppendMember(std::string_view name, std::string_view value, std::string* json) {
  const std::size_t close = json->rfind('}');
  const bool empty = (*json)[json->find_last_not_of(" \t", close - 1)] == '{';
  std::string member = empty ? "" : ",";
  AppendJsonText(name, &member);
  member += ':';
  member += value;
  json->insert(close, member);
}

class Changer {
 public:
  Changer(std::string_view salt, JsonDocument* document, RuledEvent* event)
      : salt_(salt), document_(document), event_(event) {}

  bool Matches(const EventRule& rule) const {
    if (!rule.stream.Matches(event_->stream)) return false;
    for (const FieldTest& test : rule.when) {
      if (!Holds(test)) return false;
    }
    return true;
  }

  bool IsSampled(const EventRule& rule) const {
    std::string scratch;
    std::string_view chosen_by;
    if (!rule.fields.empty()) {
      const JsonValue value = FindField(document_->root(), rule.fields[0]);
      chosen_by = value.Text(&scratch);
    }
    if (chosen_by.empty()) chosen_by = event_->id.empty() ? event_->json : event_->id;
    return Hash64(chosen_by) % kMillion < rule.per_million;
  }

  void Change(const EventRule& rule) {
    if (rule.action == EventRule::Action::kRoute) return Route(rule);
    for (const std::string& field : rule.fields) {
      const std::vector<Edit> edits = EditsOf(rule, field);
      if (edits.empty() && rule.action != EventRule::Action::kSet) continue;
      if (edits.empty()) {
        AppendMember(field, rule.text, &event_->json);
      } else {
        Carry(edits, &event_->json);
      }
      CHECK(document_->Parse(event_->json).ok());
    }
  }

 private:
  std::vector<Edit> EditsOf(const EventRule& rule, std::string_view field) const {
    std::vector<JsonMember> members;
    FindMembers(document_->root(), field, &members);
    std::vector<Edit> edits;
    for (const JsonMember& member : members) {
      Edit edit{.name = SpanOf(member.name.raw(), event_->json),
                .piece = SpanOf(member.value.raw(), event_->json)};
      if (rule.action == EventRule::Action::kRename) {
        edit.piece = edit.name;
        edit.by = JsonText(rule.text);
      } else if (rule.action == EventRule::Action::kRedact) {
        edit.by = kRedacted;
      } else if (rule.action == EventRule::Action::kHash) {
        edit.by = HashedText(salt_, member.value);
      } else if (rule.action == EventRule::Action::kSet) {
        edit.by = rule.text;
      }
      edits.push_back(std::move(edit));
    }
    return edits;
  }

  void Route(const EventRule& rule) {
    if (!rule.bucket.empty()) event_->bucket = rule.bucket;
    if (!rule.type.empty()) event_->type = rule.type;
    if (!rule.type.empty() || !rule.subtype.empty()) event_->subtype = rule.subtype;
  }

  bool Holds(const FieldTest& test) const {
    std::string scratch;
    const JsonValue value = FindField(document_->root(), test.field);
    switch (test.kind) {
      case FieldTest::Kind::kExists:
        return value.exists();
      case FieldTest::Kind::kAbsent:
        return !value.exists();
      case FieldTest::Kind::kEquals:
        return value.exists() && value.Text(&scratch) == test.text;
      case FieldTest::Kind::kPrefix:
        return value.exists() && value.Text(&scratch).starts_with(test.text);
    }
    return false;
  }

  const std::string_view salt_;
  JsonDocument* const document_;
  RuledEvent* const event_;
};

}  // namespace

bool StreamPattern::Matches(std::string_view stream) const {
  if (text_.empty()) return true;
  if (text_.back() != '*') return stream == text_;
  return stream.starts_with(std::string_view(text_).substr(0, text_.size() - 1));
}

JsonValue FindField(JsonValue object, std::string_view field) {
  if (const JsonValue value = object[field]; value.exists()) return value;
  for (std::size_t dot = field.find('.'); dot != std::string_view::npos;
       dot = field.find('.', dot + 1)) {
    const JsonValue inside = object[field.substr(0, dot)];
    if (!inside.exists()) continue;
    if (const JsonValue value = FindField(inside, field.substr(dot + 1)); value.exists()) {
      return value;
    }
  }
  return {};
}

void RemoveMembers(std::string_view name, JsonDocument* document, std::string* json) {
  std::string scratch;
  std::vector<Edit> edits;
  for (const JsonMember member : document->root().members()) {
    if (member.name.Text(&scratch) != name) continue;
    edits.push_back({.name = SpanOf(member.name.raw(), *json),
                     .piece = SpanOf(member.value.raw(), *json),
                     .by = std::nullopt});
  }
  if (edits.empty()) return;
  Carry(edits, json);
  CHECK(document->Parse(*json).ok());
}

RuleVerdict ApplyRules(const std::vector<EventRule>& rules, std::string_view salt,
                       JsonDocument* document, RuledEvent* event) {
  if (rules.empty()) return RuleVerdict::kKeep;
  Changer changer(salt, document, event);
  for (const EventRule& rule : rules) {
    if (!changer.Matches(rule)) continue;
    switch (rule.action) {
      case EventRule::Action::kKeep:
        return RuleVerdict::kKeep;
      case EventRule::Action::kDrop:
        return RuleVerdict::kDrop;
      case EventRule::Action::kBlock:
        return RuleVerdict::kBlock;
      case EventRule::Action::kSample:
        if (!changer.IsSampled(rule)) return RuleVerdict::kDrop;
        break;
      case EventRule::Action::kRedact:
      case EventRule::Action::kHash:
      case EventRule::Action::kRemove:
      case EventRule::Action::kRename:
      case EventRule::Action::kSet:
      case EventRule::Action::kRoute:
        changer.Change(rule);
        break;
    }
  }
  return RuleVerdict::kKeep;
}

}  // namespace carillon
