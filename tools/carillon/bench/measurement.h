#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/process_usage.h"
#include "base/status.h"

// What one workload came to, and how to drive one.
namespace carillon {

struct Measurement {
  std::string name;
  std::uint64_t value_bytes = 0;
  std::uint64_t outstanding = 0;  // operations under way at once
  std::uint64_t operations = 0;
  double seconds = 0;
  double p50_ms = 0, p99_ms = 0, max_ms = 0;
  double client_cpu_seconds = 0;
  double server_cpu_seconds = 0;
  double baseline_mb_per_second = 0;  // of the calibration in the same run; 0: none
  std::vector<float> latencies_ms;    // ascending

  // Takes in another slice of the same workload: sums, and percentiles of both together.
  void Add(const Measurement& slice);
  double mb_per_second() const {
    return static_cast<double>(operations * value_bytes) / 1e6 / seconds;
  }
  double operations_per_second() const { return static_cast<double>(operations) / seconds; }
  double ratio() const {
    return baseline_mb_per_second == 0 ? 0 : mb_per_second() / baseline_mb_per_second;
  }
  double cpu_seconds_per_gb() const {
    return (client_cpu_seconds + server_cpu_seconds) * 1e9 /
           static_cast<double>(operations * value_bytes);
  }
};

// Starts operation `i`; `done` is called once when it has ended, from any thread.
using StartOperation = std::function<void(std::uint64_t i, std::function<void(Status)> done)>;

// A closed loop: keeps `outstanding` operations under way for `seconds`, then waits for the rest.
// The first error ends it. Fills operations, seconds, latencies, and this process' CPU time.
StatusOr<Measurement> RunClosedLoop(std::uint64_t outstanding, double seconds,
                                    const StartOperation& start);

// CPU seconds of another process; 0 when it is gone.
double CpuSecondsOf(int pid);

}  // namespace carillon
