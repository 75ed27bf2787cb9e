#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <toml++/toml.h>

#include "base/status.h"

// Tables of the collector's configuration. Every reader says INVALID_ARGUMENT of a value that is
// not as it wants it.
namespace carillon {

using TomlReader = std::function<Status(const toml::node&)>;
using TomlReaders = std::map<std::string_view, TomlReader>;

// Reads each key of a table by its reader. Errors name line, table, and key.
Status ReadTable(std::string_view name, const toml::node& node, const TomlReaders& readers);

TomlReader TextOf(std::string* out);
// A string, or 1..most of them.
TomlReader TextsOf(std::vector<std::string>* out, std::size_t most);

template <typename Number>
TomlReader WholeOf(Number* out, std::int64_t least, std::int64_t most) {
  return [out, least, most](const toml::node& node) -> Status {
    const auto number = node.value_exact<std::int64_t>();
    if (!number || *number < least || *number > most) {
      return InvalidArgument("want a whole number of {}..{}", least, most);
    }
    *out = static_cast<Number>(*number);
    return OkStatus();
  };
}

}  // namespace carillon
