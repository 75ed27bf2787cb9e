#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "base/status.h"

// Queries and forms (application/x-www-form-urlencoded) of clients that send many names, known and
// unknown, some of them twice.
namespace carillon {

// "%41" is "A", '+' a space. What is no escape stays as it is, as browsers take it.
std::string FormDecoded(std::string_view text);

// The decoded value of the first `name`; nullopt: not there. "a=" and "a" give the empty text.
// `name` is compared with the names as they are written. Cost: O(text).
std::optional<std::string> FormField(std::string_view text, std::string_view name);

inline constexpr std::size_t kMaxFormFields = 1'000;

// Goes through the fields in their order.
class FormReader {
 public:
  explicit FormReader(std::string_view text) : rest_(text) {}
  // false: no more. Empty pieces ("a&&b") are passed over.
  bool Next();
  const std::string& name() const { return name_; }
  const std::string& value() const { return value_; }

 private:
  std::string_view rest_;
  std::string name_;
  std::string value_;
};

// Standard or URL-safe, with or without '=' and white space. INVALID_ARGUMENT: neither; names
// `field`.
StatusOr<std::string> DecodeBase64(std::string_view field, std::string_view text);
// Standard, with '='.
std::string EncodeBase64(std::string_view bytes);

}  // namespace carillon
