#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "base/json_writer.h"
#include "base/status.h"
#include "host/proc_tree.h"

// One sampler a subject. Each writes one JSON object: what /proc says now, and what changed since
// its last call, per second of the `seconds` that passed; the first call has rates of 0.
//
// UNAVAILABLE: a file of /proc cannot be read; what was written by then is of no use.
// Threads: one caller at a time. Reading /proc is the cost: 1 ms, and 20 us a process.
namespace carillon {

// Of each kind in an event: CPUs, devices, file systems, interfaces. The first ones are told of.
inline constexpr std::size_t kMaxSampledItems = 256;

// stat, loadavg: percentages of each CPU's time, load averages, context switches.
class CpuSampler {
 public:
  Status Sample(const ProcTree& proc, double seconds, JsonWriter* json);

 private:
  // user, nice, system, idle, iowait, irq, softirq, steal, in ticks.
  using Times = std::array<std::uint64_t, 8>;
  void WriteTimes(const std::string& name, const Times& now, JsonWriter* json);
  std::map<std::string, Times> before_;
  std::uint64_t switches_before_ = 0;
};

// meminfo: every line of it in bytes, and the part in use.
class MemorySampler {
 public:
  Status Sample(const ProcTree& proc, JsonWriter* json);
};

struct FileSystemSpace {
  std::uint64_t total_bytes = 0;
  std::uint64_t free_bytes = 0;  // to everybody
  std::uint64_t files = 0;
  std::uint64_t files_free = 0;
};
// nullopt: nothing there to be measured.
using SpaceProbe = std::function<std::optional<FileSystemSpace>(const std::string& mount)>;
// statvfs(3).
std::optional<FileSystemSpace> ProbeSpace(const std::string& mount);

// diskstats, mounts: operations and bytes a second of each device, space of each file system that
// has a device.
class DiskSampler {
 public:
  explicit DiskSampler(SpaceProbe probe) : probe_(std::move(probe)) {}
  Status Sample(const ProcTree& proc, double seconds, JsonWriter* json);

 private:
  struct Counters {
    std::uint64_t reads = 0;
    std::uint64_t read_sectors = 0;
    std::uint64_t writes = 0;
    std::uint64_t written_sectors = 0;
    std::uint64_t busy_ms = 0;
  };
  void WriteDevices(std::string_view diskstats, double seconds, JsonWriter* json);
  void WriteFileSystems(std::string_view mounts, JsonWriter* json) const;
  const SpaceProbe probe_;
  std::map<std::string, Counters> before_;
};

// net/dev: bytes, packets, errors, and drops a second of each interface, each way.
class NetworkSampler {
 public:
  Status Sample(const ProcTree& proc, double seconds, JsonWriter* json);

 private:
  static constexpr std::size_t kColumns = 16;  // of net/dev: eight each way
  using Columns = std::array<std::uint64_t, kColumns>;
  std::map<std::string, Columns> before_;
};

// PID/stat: how many there are in which state, the five that used most CPU, and most memory.
class ProcessSampler {
 public:
  Status Sample(const ProcTree& proc, double seconds, JsonWriter* json);

 private:
  std::map<std::uint32_t, std::uint64_t> ticks_before_;
};

}  // namespace carillon
