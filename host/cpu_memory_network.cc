#include <numeric>
#include <utility>

#include "host/samplers.h"

namespace carillon {
namespace {

constexpr std::array<std::string_view, 8> kCpuStates = {"user",   "nice", "system",  "idle",
                                                        "iowait", "irq",  "softirq", "steal"};

double Rate(std::uint64_t growth, double seconds) {
  return seconds > 0 ? static_cast<double>(growth) / seconds : 0;
}

void WriteLoad(std::string_view loadavg, JsonWriter* json) {
  const std::vector<std::string_view> words = SplitWords(loadavg);
  constexpr std::array<std::string_view, 3> kSpans = {"1m", "5m", "15m"};
  json->Key("load").BeginObject();
  for (std::size_t i = 0; i < kSpans.size() && i < words.size(); ++i) {
    json->Key(kSpans[i]).Decimal(ToDecimal(words[i]));
  }
  json->EndObject();
}

// "MemFree" -> "mem_free", "Active(anon)" -> "active_anon".
std::string SnakeCase(std::string_view name) {
  std::string snake;
  for (const char c : name) {
    const bool upper = c >= 'A' && c <= 'Z';
    const bool after_lower = !snake.empty() && snake.back() >= 'a' && snake.back() <= 'z';
    if ((upper && after_lower) || c == '(') snake.push_back('_');
    if (c == '(' || c == ')' || c == ':') continue;
    snake.push_back(upper ? static_cast<char>(c - 'A' + 'a') : c);
  }
  return snake;
}

}  // namespace

void CpuSampler::WriteTimes(const std::string& name, const Times& now, JsonWriter* json) {
  const auto found = before_.find(name);
  const Times before = found == before_.end() ? now : found->second;
  before_[name] = now;
  Times growth{};
  for (std::size_t i = 0; i < now.size(); ++i) growth[i] = Growth(now[i], before[i]);
  const std::uint64_t total = std::accumulate(growth.begin(), growth.end(), std::uint64_t{0});
  json->BeginObject();
  for (std::size_t i = 0; i < growth.size(); ++i) {
    json->Key(kCpuStates[i]);
    json->Decimal(total == 0 ? 0
                             : 100.0 * static_cast<double>(growth[i]) / static_cast<double>(total));
  }
  json->EndObject();
}

Status CpuSampler::Sample(const ProcTree& proc, double seconds, JsonWriter* json) {
  ASSIGN_OR_RETURN(const std::string stat, proc.Read("stat"));
  ASSIGN_OR_RETURN(const std::string loadavg, proc.Read("loadavg"));
  json->BeginObject();
  WriteLoad(loadavg, json);
  std::uint64_t cpus = 0;
  for (const std::string_view line : SplitLines(stat)) {
    const std::vector<std::string_view> words = SplitWords(line);
    if (words.size() < 2) continue;
    if (words[0].starts_with("cpu")) {
      Times now{};
      for (std::size_t i = 0; i < now.size() && i + 1 < words.size(); ++i) {
        now[i] = ToNumber(words[i + 1]);
      }
      const std::string name = words[0] == "cpu" ? "total" : std::string(words[0]);
      cpus += name == "total" ? 0 : 1;
      if (cpus > kMaxSampledItems) continue;
      json->Key(name);
      WriteTimes(name, now, json);
    } else if (words[0] == "ctxt") {
      const std::uint64_t now = ToNumber(words[1]);
      const std::uint64_t before = std::exchange(switches_before_, now);
      const std::uint64_t growth = before == 0 ? 0 : Growth(now, before);
      json->Key("context_switches_per_second").Decimal(Rate(growth, seconds));
    } else if (words[0] == "procs_running" || words[0] == "procs_blocked") {
      json->Field(words[0].substr(6), ToNumber(words[1]));
    }
  }
  json->Field("cpus", cpus);
  json->EndObject();
  return OkStatus();
}

Status MemorySampler::Sample(const ProcTree& proc, JsonWriter* json) {
  ASSIGN_OR_RETURN(const std::string meminfo, proc.Read("meminfo"));
  std::uint64_t total = 0;
  std::uint64_t available = 0;
  json->BeginObject();
  for (const std::string_view line : SplitLines(meminfo)) {
    const std::vector<std::string_view> words = SplitWords(line);
    if (words.size() < 2) continue;
    const bool kilobytes = words.size() > 2 && words[2] == "kB";
    const std::uint64_t value = ToNumber(words[1]) * (kilobytes ? 1024 : 1);
    if (words[0] == "MemTotal:") total = value;
    if (words[0] == "MemAvailable:") available = value;
    json->Field(SnakeCase(words[0]) + (kilobytes ? "_bytes" : ""), value);
  }
  json->Key("used_percent");
  const double used = static_cast<double>(Growth(total, available));
  json->Decimal(total == 0 ? 0 : 100.0 * used / static_cast<double>(total));
  json->EndObject();
  return OkStatus();
}

Status NetworkSampler::Sample(const ProcTree& proc, double seconds, JsonWriter* json) {
  ASSIGN_OR_RETURN(const std::string text, proc.Read("net/dev"));
  // Where each is in net/dev: what was received first, what was sent eight columns behind.
  constexpr std::array<std::pair<std::string_view, std::size_t>, 4> kShown = {
      {{"bytes", 0}, {"packets", 1}, {"errors", 2}, {"drops", 3}}};
  std::map<std::string, Columns> now_all;
  json->BeginObject().Key("interfaces").BeginObject();
  for (const std::string_view line : SplitLines(text)) {
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    const std::vector<std::string_view> name = SplitWords(line.substr(0, colon));
    const std::vector<std::string_view> words = SplitWords(line.substr(colon + 1));
    if (name.size() != 1 || words.size() < kColumns || now_all.size() == kMaxSampledItems) continue;
    Columns now{};
    for (std::size_t i = 0; i < kColumns; ++i) now[i] = ToNumber(words[i]);
    const auto found = before_.find(std::string(name[0]));
    const Columns before = found == before_.end() ? now : found->second;
    json->Key(name[0]).BeginObject();
    for (const auto& [way, first] : {std::pair{"received", 0u}, std::pair{"sent", 8u}}) {
      json->Key(way).BeginObject();
      for (const auto& [what, column] : kShown) {
        const std::size_t at = first + column;
        json->Key(std::string(what) + "_per_second");
        json->Decimal(Rate(Growth(now[at], before[at]), seconds));
      }
      json->Field("bytes", now[first]).EndObject();
    }
    json->EndObject();
    now_all[std::string(name[0])] = now;
  }
  json->EndObject().EndObject();
  before_ = std::move(now_all);
  return OkStatus();
}

}  // namespace carillon
