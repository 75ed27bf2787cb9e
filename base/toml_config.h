#pragma once

#include <cstdint>
#include <fstream>
#include <functional>
#include <optional>
#include <span>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <fmt/format.h>
#include <toml++/toml.h>

#include "base/status.h"

// A struct of plain fields, and a table that says which key of a TOML file is which: reads files
// and documents what there is. Heavy (toml++): for the .cc file of a configuration alone.
namespace carillon {

template <typename Config>
class TomlConfig {
 public:
  using Text = std::string Config::*;
  using Flag = bool Config::*;
  using List = std::vector<std::string> Config::*;  // a string alone is a list of one
  struct Number {
    std::uint64_t Config::*field;
    std::uint64_t least;
    std::uint64_t most;
  };
  struct Key {
    const char* name;
    const char* help;  // lines after the first begin with "# "
    std::variant<Text, Flag, List, Number> field;
  };
  // Of a key that is in no table; nullopt: not known here, either.
  using OtherKeys = std::function<std::optional<Status>(std::string_view, const toml::node&)>;

  // `keys` must live as long as this.
  explicit TomlConfig(std::span<const Key> keys) : keys_(keys) {}

  // Reads `path` into `config`, over what is there. INVALID_ARGUMENT: it cannot be read, is not
  // TOML, has an unknown key, a wrong type, a value out of range; names line and key.
  Status Load(const std::string& path, Config* config, const OtherKeys& others = nullptr) const;
  // Every key with its meaning, default, and range, as a TOML file with `config`'s values.
  std::string Document(const Config& config) const;

 private:
  struct Assign;
  struct Show;
  const Key* Find(std::string_view name) const {
    for (const Key& key : keys_) {
      if (name == key.name) return &key;
    }
    return nullptr;
  }

  const std::span<const Key> keys_;
};

// toml++ throws; nothing of ours does.
inline StatusOr<toml::table> ParseTomlFile(const std::string& path) {
  std::ifstream file(path);
  if (!file) return InvalidArgument("cannot read {}", path);
  try {
    return toml::parse(file, path);
  } catch (const toml::parse_error& error) {
    return InvalidArgument("{}:{}: {}", path, error.source().begin.line, error.description());
  }
}

template <typename Config>
struct TomlConfig<Config>::Assign {
  const Key& key;
  const toml::node& value;
  Config* config;

  Status Wrong(std::string_view want) const {
    return InvalidArgument("{}: want {}", key.name, want);
  }
  Status operator()(Text field) const {
    const auto text = value.value_exact<std::string>();
    if (!text) return Wrong("a string");
    config->*field = *text;
    return OkStatus();
  }
  Status operator()(Flag field) const {
    const auto flag = value.value_exact<bool>();
    if (!flag) return Wrong("true or false");
    config->*field = *flag;
    return OkStatus();
  }
  Status operator()(List field) const {
    std::vector<std::string> texts;
    if (const auto one = value.value_exact<std::string>()) {
      texts.push_back(*one);
    } else if (const toml::array* array = value.as_array()) {
      for (const toml::node& element : *array) {
        const auto text = element.value_exact<std::string>();
        if (!text) return Wrong("an array of strings");
        texts.push_back(*text);
      }
    } else {
      return Wrong("a string or an array of strings");
    }
    config->*field = std::move(texts);
    return OkStatus();
  }
  Status operator()(const Number& number) const {
    const auto got = value.value_exact<std::int64_t>();
    if (!got) return Wrong("a whole number");
    if (*got < 0 || static_cast<std::uint64_t>(*got) < number.least ||
        static_cast<std::uint64_t>(*got) > number.most) {
      return InvalidArgument("{} = {}: want {}..{}", key.name, *got, number.least, number.most);
    }
    config->*(number.field) = static_cast<std::uint64_t>(*got);
    return OkStatus();
  }
};

template <typename Config>
struct TomlConfig<Config>::Show {
  const Config& config;

  static std::string Quote(const std::string& text) {
    std::ostringstream out;
    out << toml::value<std::string>(text);
    return out.str();
  }
  std::string operator()(Text field) const { return Quote(config.*field); }
  std::string operator()(Flag field) const { return config.*field ? "true" : "false"; }
  std::string operator()(List field) const {
    std::string text;
    for (const std::string& one : config.*field) text += (text.empty() ? "" : ", ") + Quote(one);
    return "[" + text + "]";
  }
  std::string operator()(const Number& number) const {
    return std::to_string(config.*(number.field));
  }
};

template <typename Config>
Status TomlConfig<Config>::Load(const std::string& path, Config* config,
                                const OtherKeys& others) const {
  ASSIGN_OR_RETURN(const toml::table table, ParseTomlFile(path));
  for (const auto& [name, value] : table) {
    const auto line = value.source().begin.line;
    if (others) {
      if (const std::optional<Status> read = others(name.str(), value)) {
        if (!read->ok()) return Annotate(*read, path);
        continue;
      }
    }
    const Key* key = Find(name.str());
    if (key == nullptr) return InvalidArgument("{}:{}: unknown key '{}'", path, line, name.str());
    const Status assigned = std::visit(Assign{*key, value, config}, key->field);
    if (!assigned.ok()) return Annotate(assigned, fmt::format("{}:{}", path, line));
  }
  return OkStatus();
}

template <typename Config>
std::string TomlConfig<Config>::Document(const Config& config) const {
  std::string text;
  const Config defaults;
  for (const Key& key : keys_) {
    text += fmt::format("# {}\n", key.help);
    std::string note = "# Default: " + std::visit(Show{defaults}, key.field);
    if (const auto* number = std::get_if<Number>(&key.field)) {
      note += fmt::format("; range: {}..{}", number->least, number->most);
    }
    text += fmt::format("{}.\n{} = {}\n\n", note, key.name, std::visit(Show{config}, key.field));
  }
  return text;
}

}  // namespace carillon
