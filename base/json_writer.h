#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace carillon {

// Appends `text` as the inside of a JSON string. Bytes that are not UTF-8 stay as they are: the
// caller knows whether they may be there.
void AppendJsonEscaped(std::string* out, std::string_view text);

// Writes one JSON value on one line; commas come by themselves. Pure. Requires: keys only in
// objects, everything closed that was opened.
class JsonWriter {
 public:
  JsonWriter& BeginObject();
  JsonWriter& EndObject();
  JsonWriter& BeginArray();
  JsonWriter& EndArray();
  JsonWriter& Key(std::string_view key);
  JsonWriter& Text(std::string_view value);
  JsonWriter& Number(std::uint64_t value);
  JsonWriter& Signed(std::int64_t value);
  // Two digits behind the point; what is no number becomes null.
  JsonWriter& Decimal(double value);
  JsonWriter& Bool(bool value);
  JsonWriter& Null();

  JsonWriter& Field(std::string_view key, std::string_view value) { return Key(key).Text(value); }
  JsonWriter& Field(std::string_view key, std::uint64_t value) { return Key(key).Number(value); }

  // What was written so far; the writer is as new.
  std::string Take();
  // What was written since the last call; goes on in the middle of the value.
  std::string TakePart();

 private:
  void Separate();
  std::string text_;
  bool needs_comma_ = false;
};

}  // namespace carillon
