#include <algorithm>
#include <utility>

#include <unistd.h>

#include "host/samplers.h"

namespace carillon {
namespace {

constexpr std::size_t kTop = 5;

struct Process {
  std::uint32_t pid = 0;
  std::string name;
  char state = '?';
  std::uint64_t ticks = 0;  // of CPU so far
  std::uint64_t threads = 0;
  std::uint64_t memory_bytes = 0;  // resident
  double cpu_percent = 0;          // of one CPU
};

// proc(5): pid (name) state ppid ...; the name may hold spaces and brackets.
std::optional<Process> ParseProcess(std::uint32_t pid, std::string_view stat) {
  const std::size_t open = stat.find('(');
  const std::size_t close = stat.rfind(')');
  if (open == std::string_view::npos || close == std::string_view::npos || close < open) {
    return std::nullopt;
  }
  const std::vector<std::string_view> words = SplitWords(stat.substr(close + 1));
  // Behind the name: 0 state, 11 utime, 12 stime, 17 num_threads, 21 rss in pages.
  if (words.size() < 22) return std::nullopt;
  Process process;
  process.pid = pid;
  process.name = stat.substr(open + 1, close - open - 1);
  process.state = words[0].front();
  process.ticks = ToNumber(words[11]) + ToNumber(words[12]);
  process.threads = ToNumber(words[17]);
  process.memory_bytes = ToNumber(words[21]) * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
  return process;
}

void WriteTop(std::string_view key, std::vector<Process>* processes,
              bool (*before)(const Process&, const Process&), JsonWriter* json) {
  const std::size_t count = std::min(kTop, processes->size());
  std::partial_sort(processes->begin(), processes->begin() + static_cast<std::ptrdiff_t>(count),
                    processes->end(), before);
  json->Key(key).BeginArray();
  for (std::size_t i = 0; i < count; ++i) {
    const Process& process = (*processes)[i];
    json->BeginObject().Field("pid", process.pid).Field("name", process.name);
    json->Key("cpu_percent").Decimal(process.cpu_percent);
    json->Field("memory_bytes", process.memory_bytes).Field("threads", process.threads);
    json->EndObject();
  }
  json->EndArray();
}

void WriteStates(const std::vector<Process>& processes, JsonWriter* json) {
  std::map<char, std::uint64_t> states;
  std::uint64_t threads = 0;
  for (const Process& process : processes) {
    ++states[process.state];
    threads += process.threads;
  }
  json->Field("count", processes.size()).Field("threads", threads);
  json->Key("states").BeginObject();
  for (const auto& [state, count] : states) json->Field(std::string(1, state), count);
  json->EndObject();
}

}  // namespace

Status ProcessSampler::Sample(const ProcTree& proc, double seconds, JsonWriter* json) {
  ASSIGN_OR_RETURN(const std::vector<std::uint32_t> pids, proc.Processes());
  const auto ticks_per_second = static_cast<double>(sysconf(_SC_CLK_TCK));
  std::vector<Process> processes;
  std::map<std::uint32_t, std::uint64_t> ticks;
  for (const std::uint32_t pid : pids) {
    const StatusOr<std::string> stat = proc.Read(fmt::format("{}/stat", pid));
    if (!stat.ok()) continue;  // it ended since it was listed
    std::optional<Process> process = ParseProcess(pid, *stat);
    if (!process.has_value()) continue;
    const auto found = ticks_before_.find(pid);
    if (found != ticks_before_.end() && seconds > 0) {
      const auto growth = static_cast<double>(Growth(process->ticks, found->second));
      process->cpu_percent = 100.0 * growth / ticks_per_second / seconds;
    }
    ticks[pid] = process->ticks;
    processes.push_back(*std::move(process));
  }
  ticks_before_ = std::move(ticks);

  json->BeginObject();
  WriteStates(processes, json);
  WriteTop(
      "top_cpu", &processes,
      [](const Process& a, const Process& b) {
        return std::pair(-a.cpu_percent, a.pid) < std::pair(-b.cpu_percent, b.pid);
      },
      json);
  WriteTop(
      "top_memory", &processes,
      [](const Process& a, const Process& b) {
        return std::pair(b.memory_bytes, a.pid) < std::pair(a.memory_bytes, b.pid);
      },
      json);
  json->EndObject();
  return OkStatus();
}

}  // namespace carillon
