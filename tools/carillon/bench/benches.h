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

// That plain file alone, with values of `value_bytes`.
StatusOr<Measurement> MeasurePlainFile(const BenchOptions& options, std::size_t value_bytes,
                                       std::uint64_t writers);

// PutChunk and GetChunks of 4 KB, 100 KB, 500 KB against a bare gRPC echo of the same bytes.
Status RunRpcBench(const BenchOptions& options, const Report& report);

// Events a second in (SecondWriter) and out (ReadRange, decoded), 300-byte events; here
// `value_bytes` is an event's.
Status RunEventBench(const BenchOptions& options, const Report& report);

// A node with very many very small chunks: how fast it starts, how much memory it takes, what a
// random GET costs, how long its store takes to split its partitions.
struct ManyResult {
  std::uint64_t chunks = 0;
  double fill_seconds = 0;
  double start_seconds = 0;     // from its start until it serves
  double get_milliseconds = 0;  // mean of random GETs over gRPC, one at a time
  double reads_per_get = 0;     // read calls on files
  double split_seconds = 0;     // of 64 partitions into 128
  std::uint64_t rss_bytes = 0;
  std::uint64_t anonymous_bytes = 0;
};
StatusOr<ManyResult> RunManyBench(const BenchOptions& options, std::uint64_t chunks);

// The echo server itself: prints its address, serves until SIGTERM.
Status ServeEcho();

// Bytes that do not compress, the same for the same seed.
std::string RandomBytes(std::size_t size, std::uint64_t seed);

}  // namespace carillon
