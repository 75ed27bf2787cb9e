#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/status.h"
#include "tests/bench/peers/peer.h"

// The same work for every server.
namespace carillon {

// What one workload came to on one server.
struct PeerMeasurement {
  std::string workload;
  std::string server;
  bool durable = true;
  std::uint64_t connections = 0;
  std::uint64_t operations = 0;
  double seconds = 0;
  double ops_per_second = 0;
  double mb_per_second = 0;
  double p50_ms = 0, p99_ms = 0;
  double server_cpu_seconds_per_gb = 0;
  double client_cpu_seconds_per_gb = 0;
  double server_memory_mb = 0;  // at its end
};

struct WorkloadOptions {
  double seconds = 2;                    // of the workloads that go on for a time
  std::uint64_t small_connections = 64;  // of puts of 4 KB
  std::uint64_t connections = 32;        // of puts and gets of 100 KB
  std::uint64_t writers = 4;             // of seconds
};

// Puts of 100 KB and 4 KB, gets of 100 KB, 60 seconds of 200 chunks of 100 KB, those 60 read as a
// range, and the time from the acknowledgement of a second of 10 chunks until another connection
// has read it. The first error ends it.
Status RunWorkloads(const WorkloadOptions& options, Peer* peer,
                    const std::function<void(const PeerMeasurement&)>& report);

}  // namespace carillon
