#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bucket.h"
#include "tools/carillon/bench/load_loop.h"
#include "tools/carillon/bench/node_meter.h"
#include "tools/carillon/bench/ring_loads.h"

// `carillon bench WORKLOAD`: a load on a cluster, and what it cost there.
namespace carillon {

inline constexpr const char* kWorkloads[] = {"put", "second", "get", "range", "tail", "mixed"};

struct RingBenchOptions {
  std::string workload = "put";  // one of kWorkloads
  LoadSpec load;                 // but for workload, bucket, and what tells runs apart
  std::uint32_t n_val = 3;
  std::uint32_t w = 0;  // 0: a majority of n_val
  SyncMode sync = SyncMode::kAlways;
  std::uint64_t at_once = 16;  // operations under way in each process
  double seconds = 10;
  double per_second = 0;  // open loop, over all processes; 0: closed loop
  std::uint64_t processes = 1;
  std::uint64_t readers = 1;           // of mixed: ranges read at once while seconds are written
  std::uint64_t runs = 1;              // of which the median is reported
  bool drop_caches = false;            // before each run: memory_touch.h
  std::uint64_t touch_gb = 0;          // memory touched before each run: memory_touch.h
  std::string directory = "/var/tmp";  // calibrations and local clusters write here
};

// MB/s of this machine in the same minute, one thread each.
struct Calibration {
  double loopback = 0;     // raw TCP
  double append_sync = 0;  // a plain file, as many writers of such values as there are puts at once
  double memcpy = 0;
  double crc = 0;
  double touch = 0;  // memory_touch.h; 0: it was not asked for
};

// What one of several runs came to.
struct RunFigures {
  double mb_per_second = 0;
  double operations_per_second = 0;
  double server_cpu_seconds_per_gb = 0;
  double p99_ms = 0;
  double loopback = 0;  // its calibration
};

struct BenchRun {
  std::string workload;
  RingBenchOptions options;
  LoadResult result;                  // of all processes
  std::optional<LoadResult> readers;  // of mixed
  std::vector<NodeUsage> nodes;       // what they used meanwhile
  Calibration calibration;
  std::vector<RunFigures> runs;  // of all, in their order; this is the one of median MB/s

  double mb_per_second() const;
  double operations_per_second() const;
  // Per GB of values moved by clients, readers' included; 0: none were.
  double server_cpu_seconds_per_gb() const;
  double client_cpu_seconds_per_gb() const;
  // Bytes that went from node to node, a byte of values.
  double inside_bytes_ratio() const;
};

// Makes the bucket, stores what is read, measures. `endpoint`: as CARILLON_ENDPOINT. `progress` is
// told what is being done. The load runs in processes of its own (this program's).
StatusOr<BenchRun> RunRingBench(const RingBenchOptions& options, const std::string& endpoint,
                                const std::function<void(std::string_view)>& progress);

// What such a process does: `order` is what the driver told it. Prints its LoadResult.
Status RunOrderedLoad(const std::string& order);

// One object on a line; and read back, as far as a report needs it.
std::string InJson(const BenchRun& run);
std::string InTable(const BenchRun& run);

// A page that shows runs as `InJson` wrote them, one a line or in several texts: rates beside the
// calibrations, latencies, CPU. Self-contained HTML. INVALID_ARGUMENT: a text that is no run.
StatusOr<std::string> BenchReport(const std::vector<std::string>& texts);

}  // namespace carillon
