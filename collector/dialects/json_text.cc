#include "collector/dialects/json_text.h"

#include <charconv>
#include <cmath>

#include <fmt/format.h>
#include <simdjson.h>

#include "base/json_writer.h"

namespace carillon {
namespace {

constexpr std::string_view kReplacement = "\xef\xbf\xbd";

// How many bytes of one character stand at the start of `text`; 0: none that is valid.
std::size_t CharacterSize(std::string_view text) {
  const auto first = static_cast<unsigned char>(text[0]);
  const std::size_t size = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  if (size > text.size() || !simdjson::validate_utf8(text.data(), size)) return 0;
  return size;
}

std::string Repaired(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t size = CharacterSize(text.substr(at));
    out.append(size == 0 ? kReplacement : text.substr(at, size));
    at += size == 0 ? 1 : size;
  }
  return out;
}

void AppendUtf8(std::uint32_t point, std::string* out) {
  const auto put = [out](std::uint32_t byte) { out->push_back(static_cast<char>(byte)); };
  if (point < 0x80) {
    put(point);
  } else if (point < 0x800) {
    put(0xc0 | point >> 6);
    put(0x80 | (point & 0x3f));
  } else if (point < 0x10000) {
    put(0xe0 | point >> 12);
    put(0x80 | (point >> 6 & 0x3f));
    put(0x80 | (point & 0x3f));
  } else {
    put(0xf0 | point >> 18);
    put(0x80 | (point >> 12 & 0x3f));
    put(0x80 | (point >> 6 & 0x3f));
    put(0x80 | (point & 0x3f));
  }
}

// Appends the character of the \u escape at the start of `text`; returns how long that is.
std::size_t AppendUnicodeEscape(std::string_view text, std::string* out) {
  const std::uint32_t unit = HexOf(text.substr(2, 4));
  if (unit < 0xd800 || unit > 0xdfff) {
    AppendUtf8(unit, out);
    return 6;
  }
  const bool pair = unit < 0xdc00 && text.substr(6, 2) == "\\u" && text.size() >= 12;
  const std::uint32_t low = pair ? HexOf(text.substr(8, 4)) : 0;
  if (low < 0xdc00 || low > 0xdfff) {
    out->append(kReplacement);
    return 6;
  }
  AppendUtf8(0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00), out);
  return 12;
}

char Unescaped(char c) {
  switch (c) {
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    default:
      return c;
  }
}

template <typename Number>
void AppendShortest(Number value, std::string* out) {
  if (!std::isfinite(value)) {
    out->append("null");
    return;
  }
  char buffer[32];
  const auto result = std::to_chars(buffer, buffer + sizeof buffer, value);
  out->append(buffer, result.ptr);
}

}  // namespace

void AppendJsonText(std::string_view text, std::string* out) {
  if (!simdjson::validate_utf8(text.data(), text.size())) {
    AppendJsonText(Repaired(text), out);
    return;
  }
  out->push_back('"');
  AppendJsonEscaped(out, text);
  out->push_back('"');
}

std::string JsonText(std::string_view text) {
  std::string out;
  AppendJsonText(text, &out);
  return out;
}

std::uint32_t HexOf(std::string_view four) {
  std::uint32_t value = 0;
  for (const char c : four) {
    std::uint32_t digit = 0;
    if (c >= '0' && c <= '9') {
      digit = static_cast<std::uint32_t>(c - '0');
    } else if (c >= 'a' && c <= 'f') {
      digit = static_cast<std::uint32_t>(c - 'a' + 10);
    } else if (c >= 'A' && c <= 'F') {
      digit = static_cast<std::uint32_t>(c - 'A' + 10);
    } else {
      return kNoHex;
    }
    value = value << 4 | digit;
  }
  return four.size() == 4 ? value : kNoHex;
}

void AppendUnescaped(std::string_view inside, std::string* out) {
  for (std::size_t at = 0; at < inside.size();) {
    const std::size_t slash = std::min(inside.find('\\', at), inside.size());
    out->append(inside.substr(at, slash - at));
    at = slash;
    if (at + 1 >= inside.size()) return;
    if (inside[at + 1] == 'u') {
      at += AppendUnicodeEscape(inside.substr(at), out);
    } else {
      out->push_back(Unescaped(inside[at + 1]));
      at += 2;
    }
  }
}

void AppendJsonNumber(double value, std::string* out) {
  AppendShortest(value, out);
}

void AppendJsonNumber(float value, std::string* out) {
  AppendShortest(value, out);
}

JsonObjectWriter::JsonObjectWriter(std::string* out) : out_(out) {
  out_->push_back('{');
}

std::string* JsonObjectWriter::Begin(std::string_view name) {
  if (!empty_) out_->push_back(',');
  empty_ = false;
  AppendJsonText(name, out_);
  out_->push_back(':');
  return out_;
}

void JsonObjectWriter::Add(std::string_view name, std::string_view json) {
  Begin(name)->append(json);
}

void JsonObjectWriter::AddText(std::string_view name, std::string_view text) {
  AppendJsonText(text, Begin(name));
}

void JsonObjectWriter::AddInteger(std::string_view name, std::int64_t value) {
  fmt::format_to(std::back_inserter(*Begin(name)), "{}", value);
}

void JsonObjectWriter::AddMember(const JsonMember& member) {
  if (!empty_) out_->push_back(',');
  empty_ = false;
  out_->append(member.name.raw());
  out_->push_back(':');
  member.value.AppendLine(out_);
}

void JsonObjectWriter::AddMembersOf(JsonValue object, std::span<const std::string_view> without) {
  const std::size_t before = out_->size();
  if (!empty_) out_->push_back(',');
  const std::size_t begin = out_->size();
  object.AppendMembers(without, out_);
  if (out_->size() == begin) {
    out_->resize(before);
  } else {
    empty_ = false;
  }
}

void JsonObjectWriter::End() {
  out_->push_back('}');
}

}  // namespace carillon
