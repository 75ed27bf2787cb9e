#include "collector/agent_config.h"

#include <filesystem>
#include <functional>
#include <set>

#include "base/chunk_key.h"
#include "collector/toml_table.h"

namespace carillon {
namespace {

constexpr std::string_view kTail = "tail";
constexpr std::string_view kHost = "host";
constexpr std::int64_t kMostEverySeconds = 3600;
constexpr std::size_t kMaxPatterns = 100;

// One of two words: `yes` sets `out`.
auto Choice(const char* yes, const char* no, std::function<void(bool)> set) {
  return [yes, no, set = std::move(set)](const toml::node& node) -> Status {
    const std::string word = node.value_or<std::string>("");
    if (word != yes && word != no) return InvalidArgument("want '{}' or '{}'", yes, no);
    set(word == yes);
    return OkStatus();
  };
}

Status ReadPaths(const toml::node& node, std::vector<std::string>* paths) {
  if (const auto one = node.value_exact<std::string>()) {
    paths->push_back(*one);
  } else if (const toml::array* array = node.as_array()) {
    for (const toml::node& element : *array) {
      RETURN_IF_ERROR(TextOf(&paths->emplace_back())(element));
    }
  }
  if (paths->empty() || paths->size() > kMaxPatterns) {
    return InvalidArgument("want a path, or 1..{} of them", kMaxPatterns);
  }
  for (const std::string& path : *paths) {
    if (!path.starts_with('/')) return InvalidArgument("'{}' is no absolute path", path);
  }
  return OkStatus();
}

Status ReadTail(const toml::node& node, TailOptions* tail) {
  std::size_t line_kib = tail->max_line_bytes / 1024;
  RETURN_IF_ERROR(ReadTable(
      kTail, node,
      {{"name", TextOf(&tail->name)},
       {"paths", [tail](const toml::node& value) { return ReadPaths(value, &tail->paths); }},
       {"tenant", TextOf(&tail->tenant)},
       {"stream", TextOf(&tail->stream)},
       {"format",
        Choice("json", "line",
               [tail](bool json) { tail->format = json ? LineFormat::kJson : LineFormat::kLine; })},
       {"start", Choice("end", "beginning", [tail](bool end) { tail->from_end = end; })},
       {"max_line_kib", WholeOf(&line_kib, 1, kMaxTailLineBytes / 1024)}}));
  tail->max_line_bytes = line_kib * 1024;
  if (tail->paths.empty()) {
    return InvalidArgument("line {}: tail: without paths", node.source().begin.line);
  }
  if (tail->name.empty()) tail->name = tail->paths.front();
  return OkStatus();
}

}  // namespace

bool IsAgentKey(std::string_view key) {
  return key == kTail || key == kHost;
}

Status ReadAgentKey(std::string_view key, const toml::node& value, AgentConfig* agent) {
  if (key == kHost) {
    agent->host.every_seconds = 10;
    return ReadTable(kHost, value,
                     {{"every_seconds", WholeOf(&agent->host.every_seconds, 1, kMostEverySeconds)},
                      {"tenant", TextOf(&agent->host.tenant)},
                      {"stream", TextOf(&agent->host.stream)},
                      {"name", TextOf(&agent->host_name)}});
  }
  const toml::array* tails = value.as_array();
  if (tails == nullptr) {
    return InvalidArgument("line {}: want [[tail]]", value.source().begin.line);
  }
  for (const toml::node& tail : *tails)
    RETURN_IF_ERROR(ReadTail(tail, &agent->tails.emplace_back()));
  return OkStatus();
}

TailOptions SimpleTail(const std::string& paths) {
  const std::string path = std::filesystem::absolute(paths).lexically_normal();
  return {.name = path, .paths = {path}};
}

Status CheckAgent(const AgentConfig& agent, const std::string& tenant) {
  if (agent.tails.size() > kMaxTails) {
    return InvalidArgument("{} tails, at most {}", agent.tails.size(), kMaxTails);
  }
  const auto check_tenant = [&](std::string_view what, const std::string& own) {
    const std::string& whose = own.empty() ? tenant : own;
    if (whose.empty()) return InvalidArgument("{}: say whose its events are by tenant", what);
    return CheckName("tenant", whose);
  };
  std::set<std::string_view> names;
  for (const TailOptions& tail : agent.tails) {
    RETURN_IF_ERROR(check_tenant(fmt::format("tail '{}'", tail.name), tail.tenant));
    if (!names.insert(tail.name).second) {
      return InvalidArgument("tail '{}' is there twice: give them names", tail.name);
    }
  }
  return agent.host.every_seconds == 0 ? OkStatus() : check_tenant("host", agent.host.tenant);
}

}  // namespace carillon
