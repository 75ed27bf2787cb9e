#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tools/carillon/bench/measurement.h"

// The workloads of `carillon bench`, each with its calibration in the same run.
namespace carillon {

struct BenchOptions {
  std::string directory;  // where temporary data goes; on the disk that is to be measured
  double seconds = 3;     // of each measurement
};
using Report = std::function<void(const Measurement&)>;

// Raw figures of this machine in this minute: memcpy, CRC32C, and raw loopback TCP of 100 KB.
Status RunCalibrations(const BenchOptions& options, const Report& report);

// The log's append and group commit with 1, 16, 64 writers of 100 KB, each against a plain
// preallocated file that is written and synced in the same pattern.
Status RunLogBench(const BenchOptions& options, const Report& report);

// PutChunk and GetChunks of 4 KB, 100 KB, 500 KB against a bare gRPC echo of the same bytes.
Status RunRpcBench(const BenchOptions& options, const Report& report);

// Events a second in (SecondWriter) and out (ReadRange, decoded), 300-byte events; here
// `value_bytes` is an event's.
Status RunEventBench(const BenchOptions& options, const Report& report);

// The echo server itself: prints its address, serves until SIGTERM.
Status ServeEcho();

// Bytes that do not compress, the same for the same seed.
std::string RandomBytes(std::size_t size, std::uint64_t seed);

}  // namespace carillon
