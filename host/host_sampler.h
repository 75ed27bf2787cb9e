#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/status.h"
#include "host/samplers.h"

namespace carillon {

inline constexpr char kHostEventType[] = "SYS";
inline constexpr char kWholeHostType[] = "host";

struct HostEvent {
  std::string subtype;  // "cpu", "memory", "disk", "network", "processes"
  std::string json;     // one line
};

// What a machine is doing, as five deep events, or one:
//   {"timestamp":1428415043,"type":"SYS","subtype":"cpu","host":"web1","cpu":{...}}
// Rates are those since the call before; of the first call they are 0.
// Threads: one caller at a time.
class HostSampler {
 public:
  HostSampler(std::string proc_root, std::string host, SpaceProbe probe)
      : proc_(std::move(proc_root)), host_(std::move(host)), disk_(std::move(probe)) {}

  // `seconds` have passed since the last call. A subject whose files cannot be read is left out;
  // UNAVAILABLE: none could be read, with the reason of the first.
  StatusOr<std::vector<HostEvent>> Sample(Epoch epoch, double seconds);
  // The same as one event: {"timestamp":..,"type":"host","host":"web1","cpu":{..},"memory":{..},..}
  StatusOr<std::string> SampleWhole(Epoch epoch, double seconds);

 private:
  struct Subject {
    std::string_view name;
    std::string json;
  };
  StatusOr<std::vector<Subject>> Subjects(double seconds);

  const ProcTree proc_;
  const std::string host_;
  CpuSampler cpu_;
  MemorySampler memory_;
  DiskSampler disk_;
  NetworkSampler network_;
  ProcessSampler processes_;
};

}  // namespace carillon
