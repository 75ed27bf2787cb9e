#include "collector/toml_table.h"

namespace carillon {

Status ReadTable(std::string_view name, const toml::node& node, const TomlReaders& readers) {
  const toml::table* table = node.as_table();
  if (table == nullptr) return InvalidArgument("{}: want a table", name);
  for (const auto& [key, value] : *table) {
    const auto line = value.source().begin.line;
    const auto reader = readers.find(key.str());
    if (reader == readers.end()) {
      return InvalidArgument("line {}: {}: unknown key '{}'", line, name, key.str());
    }
    if (const Status status = reader->second(value); !status.ok()) {
      return InvalidArgument("line {}: {}: {}: {}", line, name, key.str(), Message(status));
    }
  }
  return OkStatus();
}

TomlReader TextOf(std::string* out) {
  return [out](const toml::node& node) -> Status {
    const auto text = node.value_exact<std::string>();
    if (!text) return InvalidArgument("want a string");
    *out = *text;
    return OkStatus();
  };
}

TomlReader TextsOf(std::vector<std::string>* out, std::size_t most) {
  return [out, most](const toml::node& node) -> Status {
    out->clear();
    if (const auto one = node.value_exact<std::string>()) {
      out->push_back(*one);
    } else if (const toml::array* array = node.as_array()) {
      for (const toml::node& element : *array) {
        RETURN_IF_ERROR(TextOf(&out->emplace_back())(element));
      }
    }
    if (out->empty() || out->size() > most) {
      return InvalidArgument("want a string, or 1..{} of them", most);
    }
    return OkStatus();
  };
}

}  // namespace carillon
