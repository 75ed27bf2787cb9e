#include "collector/user_agent/user_agent_parser.h"

#include <algorithm>
#include <array>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include <re2/re2.h>
#include <re2/set.h>
#include <yaml-cpp/yaml.h>

namespace carillon {
namespace {

constexpr std::int64_t kSetBytes = std::int64_t{32} << 20;  // of one list's automaton
constexpr std::int64_t kRuleBytes = std::int64_t{1} << 20;  // of one expression
constexpr std::size_t kGroups = 10;                         // the whole, $1 to $9

using Groups = std::array<re2::StringPiece, kGroups>;

RE2::Options OptionsOf(std::int64_t bytes) {
  RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(bytes);
  return options;
}

std::string_view Trim(std::string_view text) {
  const std::size_t begin = std::min(text.find_first_not_of(' '), text.size());
  text.remove_prefix(begin);
  return text.substr(0, text.find_last_not_of(' ') + 1);
}

// "$1 by $2" with the groups put in.
std::string Fill(std::string_view pattern, const Groups& groups) {
  std::string text;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    const bool is_group = pattern[i] == '$' && i + 1 < pattern.size() && pattern[i + 1] >= '1' &&
                          pattern[i + 1] <= '9';
    if (is_group) {
      const re2::StringPiece& group = groups[static_cast<std::size_t>(pattern[++i] - '0')];
      text.append(group.data(), group.size());
    } else {
      text += pattern[i];
    }
  }
  return std::string(Trim(text));
}

std::string TextOf(const YAML::Node& rule, const char* name) {
  const YAML::Node value = rule[name];
  return value ? value.as<std::string>() : std::string();
}

// "1.2.3" of the parts that are there.
std::string Version(const std::vector<std::string>& parts) {
  std::string version;
  for (const std::string& part : parts) {
    if (part.empty()) break;
    version += (version.empty() ? "" : ".") + part;
  }
  return version;
}

}  // namespace

// One of the three lists.
class UserAgentParser::RuleList {
 public:
  // What a list finds: `$1`, `$2` ... or what the rule puts in their place, by `fields`.
  // Throws what yaml-cpp throws.
  static StatusOr<std::unique_ptr<RuleList>> Make(const YAML::Node& rules,
                                                  const std::vector<const char*>& fields) {
    if (!rules.IsSequence()) return InvalidArgument("no list of rules");
    auto list = std::make_unique<RuleList>();
    for (const YAML::Node& node : rules) {
      auto rule = std::make_unique<Rule>();
      rule->pattern = TextOf(node, "regex");
      if (TextOf(node, "regex_flag") == "i") rule->pattern.insert(0, "(?i)");
      for (const char* field : fields) rule->replacements.push_back(TextOf(node, field));
      std::string error;
      if (rule->pattern.empty() || list->set_.Add(rule->pattern, &error) < 0) {
        return InvalidArgument("'{}': {}", rule->pattern, error);
      }
      list->rules_.push_back(std::move(rule));
    }
    if (!list->set_.Compile()) return InvalidArgument("{} rules are too many", list->rules_.size());
    return list;
  }

  RuleList() : set_(OptionsOf(kSetBytes), RE2::UNANCHORED) {}

  // One value a field. A field without a replacement is the group of its place, `defaults` names
  // the groups (0: none). nullopt: no rule matches.
  std::optional<std::vector<std::string>> Find(std::string_view text,
                                               const std::vector<std::size_t>& defaults) const {
    const re2::StringPiece piece(text.data(), text.size());
    std::vector<int> matching;
    if (!set_.Match(piece, &matching)) return std::nullopt;
    const Rule& rule =
        *rules_[static_cast<std::size_t>(*std::min_element(matching.begin(), matching.end()))];
    // Few of the rules are ever the first: the others need not be made.
    std::call_once(rule.made, [&rule] {
      rule.expression = std::make_unique<RE2>(rule.pattern, OptionsOf(kRuleBytes));
    });
    if (!rule.expression->ok()) return std::nullopt;
    Groups groups;
    const int count = std::min<int>(kGroups, rule.expression->NumberOfCapturingGroups() + 1);
    if (!rule.expression->Match(piece, 0, piece.size(), RE2::UNANCHORED, groups.data(), count)) {
      return std::nullopt;
    }
    std::vector<std::string> values;
    for (std::size_t i = 0; i < rule.replacements.size(); ++i) {
      const std::string group = defaults[i] == 0 ? "" : fmt::format("${}", defaults[i]);
      values.push_back(Fill(rule.replacements[i].empty() ? group : rule.replacements[i], groups));
    }
    return values;
  }

 private:
  struct Rule {
    std::string pattern;
    std::vector<std::string> replacements;
    mutable std::once_flag made;
    mutable std::unique_ptr<RE2> expression;
  };

  RE2::Set set_;
  std::vector<std::unique_ptr<Rule>> rules_;
};

UserAgentParser::UserAgentParser() = default;
UserAgentParser::~UserAgentParser() = default;

// yaml-cpp throws; nothing of ours does.
StatusOr<std::shared_ptr<const UserAgentParser>> UserAgentParser::Make(const std::string& yaml) {
  try {
    const YAML::Node root = YAML::Load(yaml);
    if (!root.IsMap()) return InvalidArgument("no rules of uap-core");
    std::shared_ptr<UserAgentParser> parser(new UserAgentParser());
    ASSIGN_OR_RETURN(parser->browsers_, RuleList::Make(root["user_agent_parsers"],
                                                       {"family_replacement", "v1_replacement",
                                                        "v2_replacement", "v3_replacement"}));
    ASSIGN_OR_RETURN(parser->systems_,
                     RuleList::Make(root["os_parsers"],
                                    {"os_replacement", "os_v1_replacement", "os_v2_replacement",
                                     "os_v3_replacement", "os_v4_replacement"}));
    ASSIGN_OR_RETURN(parser->devices_, RuleList::Make(root["device_parsers"],
                                                      {"device_replacement", "brand_replacement",
                                                       "model_replacement"}));
    return std::shared_ptr<const UserAgentParser>(std::move(parser));
  } catch (const YAML::Exception& error) {
    return InvalidArgument("{}", error.what());
  }
}

UserAgent UserAgentParser::Parse(std::string_view text) const {
  text = text.substr(0, kMaxParsedUserAgentBytes);
  UserAgent found;
  if (auto browser = browsers_->Find(text, {1, 2, 3, 4})) {
    found.browser = (*browser)[0];
    found.browser_version = Version({(*browser)[1], (*browser)[2], (*browser)[3]});
  }
  if (auto system = systems_->Find(text, {1, 2, 3, 4, 5})) {
    found.os = (*system)[0];
    found.os_version = Version({(*system)[1], (*system)[2], (*system)[3], (*system)[4]});
  }
  if (auto device = devices_->Find(text, {1, 0, 1})) {
    found.device = (*device)[0];
    found.brand = (*device)[1];
    found.model = (*device)[2];
  }
  return found;
}

}  // namespace carillon
