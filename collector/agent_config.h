#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <toml++/toml.h>

#include "base/status.h"
#include "collector/tail/file_tailer.h"

// What the collector does as the agent of a host: [[tail]] and [host] of its configuration.
namespace carillon {

inline constexpr std::size_t kMaxTails = 100;

struct HostConfig {
  std::uint64_t every_seconds = 0;  // 0: no events of the host
  std::string tenant;               // empty: see AgentConfig::tenant
  std::string stream = "host";
};

struct AgentConfig {
  std::vector<TailOptions> tails;  // an empty tenant: see AgentConfig::tenant
  HostConfig host;
  std::string host_name;  // in events; empty: that of the machine
};

// Reads the value of `tail` or `host`. INVALID_ARGUMENT names line and key.
Status ReadAgentKey(std::string_view key, const toml::node& value, AgentConfig* agent);
bool IsAgentKey(std::string_view key);

// As --tail GLOB says: its lines are events of their own, from the end on. A path that is not
// absolute is one of the working directory.
TailOptions SimpleTail(const std::string& paths);

// Between keys: names are not used twice, and every tail has a tenant. `tenant`: of those that say
// none; may be empty.
Status CheckAgent(const AgentConfig& agent, const std::string& tenant);

}  // namespace carillon
