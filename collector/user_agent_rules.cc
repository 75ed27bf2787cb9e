#include "collector/user_agent_rules.h"

#include "collector/edge/tenant_directory.h"

namespace carillon {

bool WantsUserAgents(const TenantTable& table) {
  for (std::size_t i = 0; i < table.size(); ++i) {
    if (table.tenant(i).enrich.parse_user_agent) return true;
  }
  return false;
}

StatusOr<std::shared_ptr<const UserAgentParser>> ReadUserAgentRules(const std::string& path) {
  const auto text = ReadTextFile(path);
  auto parser = text.ok() ? UserAgentParser::Make(*text) : text.status();
  if (!parser.ok()) {
    return Annotate(
        parser.status(),
        fmt::format("user_agent_rules = '{}' (a tenant wants user agents parsed)", path));
  }
  return parser;
}

}  // namespace carillon
