#pragma once

#include <cstddef>
#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/status.h"

namespace carillon {

inline constexpr std::size_t kMaxQueryParameters = 32;

// %41 -> A; `plus_is_space` as in forms. INVALID_ARGUMENT: '%' without two hexadecimal digits.
StatusOr<std::string> PercentDecode(std::string_view text, bool plus_is_space);

// The parameters after a '?': every name once, every name known.
class QueryString {
 public:
  // INVALID_ARGUMENT: a name that is not among `known` or comes twice, a bad escape, more than
  // kMaxQueryParameters.
  static StatusOr<QueryString> Parse(std::string_view text,
                                     std::initializer_list<std::string_view> known);

  // nullopt: not given. "a=" and "a" give the empty text.
  std::optional<std::string> Find(std::string_view name) const;
  // For what is empty only by mistake. INVALID_ARGUMENT: given, and empty.
  StatusOr<std::string> NonEmpty(std::string_view name, std::string_view otherwise) const;
  // "1", "true", "0", "false"; not given: false. INVALID_ARGUMENT: anything else.
  StatusOr<bool> Flag(std::string_view name) const;

 private:
  std::map<std::string, std::string, std::less<>> values_;
};

}  // namespace carillon
