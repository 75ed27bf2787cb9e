#pragma once

#include <string>
#include <vector>

#include "tests/bench/peers/workloads.h"

namespace carillon {

// The machine in the seconds before one server ran, MB/s.
struct PeerCalibration {
  std::string server;
  double loopback = 0;
  double append_sync = 0;  // a plain file of 100 KB, 32 writers who share fdatasyncs
};

struct PeersReport {
  std::vector<PeerDescription> servers;
  std::vector<std::string> skipped;  // why
  std::vector<PeerCalibration> calibrations;
  std::vector<PeerMeasurement> measurements;  // each workload and server once a round
};

// One object on a line, and back. INVALID_ARGUMENT: not that.
std::string InJson(const PeersReport& report);
Status AddFromJson(const std::string& text, PeersReport* report);
// The medians of all rounds, by workload; versions and settings below.
std::string InTable(const PeersReport& report);

}  // namespace carillon
