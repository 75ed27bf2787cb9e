#include "server/http/query_string.h"

#include <algorithm>

#include <fmt/ranges.h>

namespace carillon {
namespace {

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

StatusOr<std::string> PercentDecode(std::string_view text, bool plus_is_space) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus_is_space) {
      out.push_back(' ');
    } else if (text[i] != '%') {
      out.push_back(text[i]);
    } else {
      const int high = i + 2 < text.size() ? HexDigit(text[i + 1]) : -1;
      const int low = i + 2 < text.size() ? HexDigit(text[i + 2]) : -1;
      if (high < 0 || low < 0) return InvalidArgument("bad escape at byte {} of '{}'", i, text);
      out.push_back(static_cast<char>(high * 16 + low));
      i += 2;
    }
  }
  return out;
}

StatusOr<QueryString> QueryString::Parse(std::string_view text,
                                         std::initializer_list<std::string_view> known) {
  QueryString query;
  while (!text.empty()) {
    const std::string_view pair = text.substr(0, text.find('&'));
    text.remove_prefix(std::min(text.size(), pair.size() + 1));
    if (pair.empty()) continue;
    const std::size_t equals = std::min(pair.find('='), pair.size());
    ASSIGN_OR_RETURN(std::string name, PercentDecode(pair.substr(0, equals), true));
    ASSIGN_OR_RETURN(std::string value,
                     PercentDecode(pair.substr(std::min(equals + 1, pair.size())), true));
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      return InvalidArgument("unknown parameter '{}'; there are: {}", name, fmt::join(known, ", "));
    }
    if (query.values_.size() >= kMaxQueryParameters) {
      return InvalidArgument("more than {} parameters", kMaxQueryParameters);
    }
    if (!query.values_.emplace(name, std::move(value)).second) {
      return InvalidArgument("parameter '{}' is given twice", name);
    }
  }
  return query;
}

std::optional<std::string> QueryString::Find(std::string_view name) const {
  const auto found = values_.find(name);
  if (found == values_.end()) return std::nullopt;
  return found->second;
}

StatusOr<std::string> QueryString::NonEmpty(std::string_view name,
                                            std::string_view otherwise) const {
  const auto value = Find(name);
  if (!value) return std::string(otherwise);
  if (value->empty()) return InvalidArgument("parameter '{}' is empty", name);
  return *value;
}

StatusOr<bool> QueryString::Flag(std::string_view name) const {
  const auto value = Find(name);
  if (!value || *value == "0" || *value == "false") return false;
  if (*value == "1" || *value == "true") return true;
  return InvalidArgument("parameter '{}' is '{}', want 1 or 0", name, *value);
}

}  // namespace carillon
