#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// What `carillon-sim` can run: worlds in one thread, in which one seed decides everything.
namespace carillon {

struct SimOptions {
  std::string mutation;  // of the scenario's; empty: none
  bool verbose = false;  // tell every event on stderr
};

struct SimResult {
  std::uint64_t trace_hash = 0;         // of every event, in order: same seed, same hash
  std::vector<std::string> violations;  // the run stops at the first
  // What happened, added up over seeds in the summary; in the same order for every seed.
  std::vector<std::pair<std::string_view, std::uint64_t>> counts;
};

struct Scenario {
  std::string_view name;
  std::string_view help;  // one line
  SimResult (*run)(std::uint64_t seed, const SimOptions& options);
  std::vector<std::string_view> mutations;  // rules it can break, to prove that it would notice
};

// A scenario lives in files of its own, declares a function that returns it, and is one line in
// scenario.cc.
const std::vector<Scenario>& AllScenarios();
// nullptr: none of this name.
const Scenario* FindScenario(std::string_view name);

}  // namespace carillon
