// carillon-sim: runs seeds of a simulated world until one breaks a promise.
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <deque>
#include <future>
#include <optional>
#include <string>
#include <string_view>

#include "base/status.h"
#include "tests/sim/scenario/scenario.h"

namespace carillon {
namespace {

constexpr std::string_view kUsage =
    "carillon-sim [--scenario NAME] [--first-seed N] [--seeds M] [--mutation NAME]\n"
    "             [--jobs N] [--verbose]\n"
    "carillon-sim --list\n";

struct Arguments {
  std::string scenario = "register";
  std::uint64_t first_seed = 1;
  std::uint64_t seeds = 1000;
  std::uint64_t jobs = 1;  // worlds at once
  SimOptions options;
  bool list = false;
};

StatusOr<std::uint64_t> ParseNumber(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) {
    return InvalidArgument("'{}' is no number", text);
  }
  return number;
}

StatusOr<Arguments> ParseArguments(int argc, char** argv) {
  Arguments arguments;
  for (int i = 1; i < argc; ++i) {
    std::string_view name = argv[i];
    if (name == "--list") {
      arguments.list = true;
      continue;
    }
    if (name == "--verbose") {
      arguments.options.verbose = true;
      continue;
    }
    std::string_view value;
    if (const auto equals = name.find('='); equals != std::string_view::npos) {
      value = name.substr(equals + 1);
      name = name.substr(0, equals);
    } else if (i + 1 < argc) {
      value = argv[++i];
    }
    if (name == "--scenario") {
      arguments.scenario = value;
    } else if (name == "--mutation") {
      arguments.options.mutation = value;
    } else if (name == "--first-seed") {
      ASSIGN_OR_RETURN(arguments.first_seed, ParseNumber(value));
    } else if (name == "--seeds") {
      ASSIGN_OR_RETURN(arguments.seeds, ParseNumber(value));
    } else if (name == "--jobs") {
      ASSIGN_OR_RETURN(arguments.jobs, ParseNumber(value));
    } else {
      return InvalidArgument("unknown argument {}", name);
    }
  }
  return arguments;
}

void List() {
  for (const Scenario& scenario : AllScenarios()) {
    fmt::print("{:<12} {}\n", scenario.name, scenario.help);
    for (const std::string_view mutation : scenario.mutations) {
      fmt::print("{:<12}   --mutation {}\n", "", mutation);
    }
  }
}

Status CheckMutation(const Scenario& scenario, const std::string& mutation) {
  if (mutation.empty()) return OkStatus();
  for (const std::string_view known : scenario.mutations) {
    if (known == mutation) return OkStatus();
  }
  return InvalidArgument("scenario {} has no mutation '{}'", scenario.name, mutation);
}

void PrintFailure(const Arguments& arguments, std::uint64_t seed, const SimResult& result) {
  for (const std::string& violation : result.violations) fmt::print("{}\n", violation);
  fmt::print("carillon-sim --scenario {} --first-seed {} --seeds 1{}{}\n", arguments.scenario, seed,
             arguments.options.mutation.empty() ? "" : " --mutation ", arguments.options.mutation);
}

// The results of `count` seeds from `first`, worked out at the same time.
std::vector<SimResult> RunAtOnce(const Scenario& scenario, std::uint64_t first, std::uint64_t count,
                                 const SimOptions& options) {
  std::vector<std::future<SimResult>> running;
  for (std::uint64_t seed = first; seed < first + count; ++seed) {
    running.push_back(
        std::async(count == 1 ? std::launch::deferred : std::launch::async,
                   [&scenario, &options, seed] { return scenario.run(seed, options); }));
  }
  std::vector<SimResult> results;
  for (auto& one : running) results.push_back(one.get());
  return results;
}

// Whether no promise was broken.
bool RunSeeds(const Scenario& scenario, const Arguments& arguments) {
  const auto begin = std::chrono::steady_clock::now();
  const auto seconds = [begin] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  };
  const bool shows_progress = isatty(STDERR_FILENO) == 1 && !arguments.options.verbose;
  std::vector<std::pair<std::string_view, std::uint64_t>> counts;
  std::uint64_t trace = 0;
  std::uint64_t run = 0;
  bool ok = true;
  std::deque<SimResult> results;  // in the order of the seeds, whoever is done first
  for (; run < arguments.seeds && ok; ++run) {
    const std::uint64_t seed = arguments.first_seed + run;
    if (results.empty()) {
      const std::uint64_t most = std::max<std::uint64_t>(arguments.jobs, 1);
      const std::uint64_t count = std::min(most, arguments.seeds - run);
      for (SimResult& one : RunAtOnce(scenario, seed, count, arguments.options)) {
        results.push_back(std::move(one));
      }
    }
    const SimResult result = std::move(results.front());
    results.pop_front();
    trace = trace * 31 + result.trace_hash;
    if (counts.empty()) counts.resize(result.counts.size());
    for (std::size_t i = 0; i < counts.size(); ++i) {
      counts[i] = {result.counts[i].first, counts[i].second + result.counts[i].second};
    }
    ok = result.violations.empty();
    if (shows_progress && (run % 256 == 0 || !ok)) {
      fmt::print(stderr, "\r{} seeds, {:.0f} s ", run + 1, seconds());
    }
    if (!ok) PrintFailure(arguments, seed, result);
  }
  if (shows_progress) fmt::print(stderr, "\r");
  fmt::print("{}: {} seeds in {:.1f} s, {:.0f} a second, trace {:016x}\n", scenario.name, run,
             seconds(), static_cast<double>(run) / seconds(), trace);
  for (const auto& [what, count] : counts) fmt::print("  {:<10} {}\n", what, count);
  return ok;
}

int Main(int argc, char** argv) {
  const auto arguments = ParseArguments(argc, argv);
  if (!arguments.ok()) {
    fmt::print(stderr, "{}\n{}", Message(arguments.status()), kUsage);
    return 2;
  }
  if (arguments->list) {
    List();
    return 0;
  }
  const Scenario* scenario = FindScenario(arguments->scenario);
  if (scenario == nullptr) {
    fmt::print(stderr, "no scenario '{}'; --list shows them\n", arguments->scenario);
    return 2;
  }
  if (const Status known = CheckMutation(*scenario, arguments->options.mutation); !known.ok()) {
    fmt::print(stderr, "{}\n", Message(known));
    return 2;
  }
  return RunSeeds(*scenario, *arguments) ? 0 : 1;
}

}  // namespace
}  // namespace carillon

int main(int argc, char** argv) {
  return carillon::Main(argc, argv);
}
