#include "collector/dialects/json_document.h"

#include <algorithm>
#include <limits>

#include <simdjson.h>

#include "collector/dialects/json_scanner.h"
#include "collector/dialects/json_text.h"

namespace carillon {
namespace {

// A guess that is rarely too small: bytes of text for each node.
constexpr std::size_t kBytesPerNode = 8;

Status CheckText(std::string_view text) {
  if (text.size() >= std::numeric_limits<std::uint32_t>::max()) {
    return OutOfRange("JSON of {} bytes", text.size());
  }
  if (!simdjson::validate_utf8(text.data(), text.size())) {
    return InvalidArgument("JSON is not UTF-8");
  }
  return OkStatus();
}

}  // namespace

Status JsonDocument::Parse(std::string_view text) {
  nodes_.clear();
  RETURN_IF_ERROR(CheckText(text));
  text_ = text;
  nodes_.reserve(std::min(text.size() / kBytesPerNode + 1, kMaxDocumentNodes));
  const Status status = JsonScanner(this).ScanOne();
  if (!status.ok()) nodes_.clear();
  return status;
}

Status JsonDocument::ParseSequence(std::string_view text) {
  nodes_.clear();
  RETURN_IF_ERROR(CheckText(text));
  text_ = text;
  nodes_.reserve(std::min(text.size() / kBytesPerNode + 1, kMaxDocumentNodes));
  const Status status = JsonScanner(this).ScanSequence();
  if (!status.ok()) nodes_.clear();
  return status;
}

std::size_t JsonValue::height() const {
  return document_ == nullptr ? 0 : document_->nodes_[at_].height;
}

bool JsonValue::HasLoneSurrogate() const {
  return document_ != nullptr && (document_->nodes_[at_].flags & JsonDocument::kLoneSurrogate) != 0;
}

std::string_view JsonValue::Text(std::string* scratch) const {
  switch (type()) {
    case JsonType::kString: {
      const std::string_view quoted = raw();
      const std::string_view inside = quoted.substr(1, quoted.size() - 2);
      if ((document_->nodes_[at_].flags & JsonDocument::kEscaped) == 0) return inside;
      scratch->clear();
      AppendUnescaped(inside, scratch);
      return *scratch;
    }
    case JsonType::kNumber:
    case JsonType::kBool:
      return raw();
    case JsonType::kNone:
    case JsonType::kNull:
    case JsonType::kArray:
    case JsonType::kObject:
      return {};
  }
  return {};
}

std::string JsonValue::Text() const {
  std::string scratch;
  return std::string(Text(&scratch));
}

std::string_view JsonValue::Written() const {
  const std::string_view text = raw();
  if (type() == JsonType::kNumber) return text;
  return type() == JsonType::kString ? text.substr(1, text.size() - 2) : std::string_view();
}

JsonValue JsonValue::operator[](std::string_view name) const {
  JsonValue found;
  for (const JsonMember member : members()) {
    if (member.name.NameIs(name)) found = member.value;
  }
  return found;
}

JsonMembers JsonValue::members() const {
  return JsonMembers(*this);
}

JsonItems JsonValue::items() const {
  return JsonItems(*this);
}

std::size_t JsonValue::size() const {
  std::size_t count = 0;
  for ([[maybe_unused]] const JsonValue item : items()) ++count;
  return count;
}

std::string_view JsonValue::Line(std::string* scratch) const {
  if (document_ == nullptr || (document_->nodes_[at_].flags & JsonDocument::kSpaced) == 0) {
    return raw();
  }
  scratch->clear();
  AppendLine(scratch);
  return *scratch;
}

void JsonValue::AppendLine(std::string* out) const {
  if (document_ == nullptr) return;
  const std::string_view text = raw();
  if ((document_->nodes_[at_].flags & JsonDocument::kSpaced) == 0) {
    out->append(text);
    return;
  }
  // It is valid: only strings need a look.
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (!in_string && (c == ' ' || c == '\n' || c == '\r' || c == '\t')) continue;
    out->push_back(c);
    if (c == '"') in_string = !in_string;
    if (in_string && c == '\\') out->push_back(text[++i]);
  }
}

bool JsonValue::HasAny(std::span<const std::string_view> names) const {
  for (const JsonMember member : members()) {
    for (const std::string_view name : names) {
      if (member.name.NameIs(name)) return true;
    }
  }
  return false;
}

void JsonValue::AppendMembers(std::span<const std::string_view> without, std::string* out) const {
  if (!IsObject()) return;
  if ((document_->nodes_[at_].flags & JsonDocument::kSpaced) == 0 && !HasAny(without)) {
    out->append(raw().substr(1, raw().size() - 2));
    return;
  }
  bool first = true;
  for (const JsonMember member : members()) {
    const bool left_out = std::any_of(without.begin(), without.end(), [&](std::string_view name) {
      return member.name.NameIs(name);
    });
    if (left_out) continue;
    if (!first) out->push_back(',');
    first = false;
    out->append(member.name.raw());
    out->push_back(':');
    member.value.AppendLine(out);
  }
}

}  // namespace carillon
