#pragma once

#include <cstdint>
#include <string_view>

#include "base/status.h"
#include "collector/dialects/json_document.h"

namespace carillon {

// The pass over a text that fills a document. Reads no byte outside of the text; no recursion.
// Grammar: RFC 8259, strictly; a byte order mark before it is passed over.
class JsonScanner {
 public:
  explicit JsonScanner(JsonDocument* document);

  Status ScanOne();
  Status ScanSequence();

 private:
  enum class Want : std::uint8_t { kValue, kValueOrEnd, kNameOrEnd, kName, kCommaOrEnd, kNothing };

  Status Scan();
  Status TakeValue(char c);
  Status TakeName(char c);
  Status TakeString(bool is_name);
  Status TakeEscape(std::uint8_t* flags);
  Status TakeNumber();
  Status TakeWord(std::string_view word, JsonType type);
  Status Open(JsonType type);
  Status Close(char c);
  Status Push(JsonType type, std::size_t begin, std::uint8_t flags);
  void Within(const JsonDocument::Node& child);
  void SkipSpace();
  void ValueDone();
  std::size_t DigitsFrom(std::size_t at) const;
  std::uint32_t HexAt(std::size_t at) const;
  Status Wrong(std::string_view what) const;

  static constexpr std::uint32_t kNoParent = 0xffffffff;
  std::string_view text_;
  std::vector<JsonDocument::Node>& nodes_;
  std::size_t at_ = 0;
  std::uint32_t open_ = kNoParent;  // the innermost open container; its `next` holds its parent
  std::size_t depth_ = 0;
  Want want_ = Want::kValue;
};

}  // namespace carillon
