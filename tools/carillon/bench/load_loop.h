#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "tools/carillon/bench/latency_histogram.h"

// Drives one workload in one process.
namespace carillon {

struct LoadPace {
  std::uint64_t at_once = 1;  // operations under way at once, at most
  double seconds = 10;
  double per_second = 0;  // open loop: operations begun a second; 0: closed loop
  Instant begin = {};     // not before
  // Open loop: what could not begin so long after its time is given up, as by a caller with a
  // deadline: DEADLINE_EXCEEDED. 0: never.
  Duration patience{0};
};

// One second of a load, counted from its beginning, by when operations ended.
struct LoadSecond {
  std::uint64_t operations = 0;  // that succeeded
  std::uint64_t failed = 0;
  LatencyHistogram latency;
};

// What a load came to, in one process or, added up, in several.
struct LoadResult {
  std::uint64_t operations = 0;                   // that succeeded
  std::uint64_t bytes = 0;                        // of values, of those
  std::uint64_t late = 0;                         // open loop: begun over 10 ms after their time
  std::map<std::string, std::uint64_t> failures;  // by code
  std::string first_failure;
  std::vector<LoadSecond> by_second;  // as seen by one process: Merge adds what began together
  double seconds = 0;                 // from the first's start to the last's end
  LatencyHistogram latency;
  double cpu_seconds = 0;
  std::uint64_t peak_resident_bytes = 0;
  std::uint64_t requests = 0;  // attempts on the wire

  void Merge(const LoadResult& other);
  std::uint64_t failed() const;
};

// One line of JSON, for DecodeLoadResult.
std::string EncodeLoadResult(const LoadResult& result);
// INVALID_ARGUMENT: not that.
StatusOr<LoadResult> DecodeLoadResult(const std::string& text);

struct OperationEnd {
  Status status;
  std::uint64_t bytes = 0;       // of values that it moved
  std::optional<Instant> since;  // its latency counts from here, not from its start
};
using OperationDone = std::function<void(const OperationEnd&)>;
// Starts operation `i`, counted from 0; `done` is called once, from any thread.
using StartLoad = std::function<void(std::uint64_t i, OperationDone done)>;

// Closed loop: the next operation begins when one ends. Open loop: operation i is due at
// begin + i / per_second whatever became of the others, and its latency counts from then, also
// when it had to wait because `at_once` were under way: a server that stands still is seen as its
// users see it. Operations that fail are counted, not timed. Waits for all it began.
// Fills operations, bytes, failures, seconds, latency.
LoadResult RunLoad(const LoadPace& pace, const StartLoad& start);

}  // namespace carillon
