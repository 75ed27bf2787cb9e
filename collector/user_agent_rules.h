#pragma once

#include <memory>
#include <string>

#include "base/status.h"
#include "collector/tenant/tenant_table.h"
#include "collector/user_agent/user_agent_parser.h"

namespace carillon {

// Whether a tenant has asked for parsed user agents. Cost: a look at each.
bool WantsUserAgents(const TenantTable& table);

// A parser by the rules in the file `path` (uap-core's regexes.yaml). NOT_FOUND, INVALID_ARGUMENT:
// names the file and what wants it. Cost: about a second.
StatusOr<std::shared_ptr<const UserAgentParser>> ReadUserAgentRules(const std::string& path);

}  // namespace carillon
