#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "collector/dialects/json_document.h"

// Pieces of JSON, written.
namespace carillon {

// Appends `text` as a JSON string, quotes included. A byte that is no UTF-8 becomes U+FFFD: the
// result is always valid JSON.
void AppendJsonText(std::string_view text, std::string* out);
std::string JsonText(std::string_view text);

// Appends what stands between the quotes of a valid JSON string, unescaped. A lone surrogate
// becomes U+FFFD.
void AppendUnescaped(std::string_view inside, std::string* out);

// The value of four hexadecimal digits; kNoHex: they are none.
inline constexpr std::uint32_t kNoHex = 0xffffffff;
std::uint32_t HexOf(std::string_view four);

// A finite number, so that reading it gives it back; "null" for what JSON has no number for.
void AppendJsonNumber(double value, std::string* out);
void AppendJsonNumber(float value, std::string* out);

// Writes the members of one object: commas and names, in the order of the calls.
class JsonObjectWriter {
 public:
  // Appends to `out`, beginning with '{'.
  explicit JsonObjectWriter(std::string* out);
  // `json`: one valid value.
  void Add(std::string_view name, std::string_view json);
  void AddText(std::string_view name, std::string_view text);
  void AddInteger(std::string_view name, std::int64_t value);
  void AddMember(const JsonMember& member);
  // The members of `object`, in one line, but for those named in `without`.
  void AddMembersOf(JsonValue object, std::span<const std::string_view> without = {});
  // Appends the name, for a value that the caller appends next.
  std::string* Begin(std::string_view name);
  // Appends '}'.
  void End();

 private:
  std::string* out_;
  bool empty_ = true;
};

}  // namespace carillon
