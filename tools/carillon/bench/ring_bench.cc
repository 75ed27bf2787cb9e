#include "tools/carillon/bench/ring_bench.h"

#include <algorithm>
#include <cstdio>
#include <memory>

#include "base/random.h"
#include "tools/carillon/bench/benches.h"
#include "tools/carillon/bench/load_order.h"
#include "tools/carillon/bench/load_process.h"
#include "tools/carillon/bench/memory_touch.h"

namespace carillon {
namespace {

using Progress = std::function<void(std::string_view)>;

constexpr std::uint64_t kStartMs = 500;  // for the processes to be there
constexpr double kCalibrationSeconds = 1;
constexpr std::uint64_t kKeepSeconds = 3600;      // what a benchmark stored
constexpr std::uint64_t kSecondsBack = 2 * 3600;  // of what tail writes, which goes forwards

StatusOr<Workload> WorkloadOf(std::string_view name) {
  if (name == "put") return Workload::kPut;
  if (name == "second" || name == "mixed") return Workload::kSecond;
  if (name == "get") return Workload::kGet;
  if (name == "range") return Workload::kRange;
  if (name == "tail") return Workload::kTail;
  return InvalidArgument("no workload '{}'", name);
}

// A bucket of these properties, shared by all benchmarks that want them.
StatusOr<std::string> MakeBucket(const RingBenchOptions& options, Client* client) {
  const std::string name =
      fmt::format("bench-n{}-w{}-{}", options.n_val, options.w, ToString(options.sync));
  BucketChange properties;
  properties.n_val = options.n_val;
  properties.w = options.w;
  properties.ttl_seconds = kKeepSeconds + kSecondsBack;
  properties.sync = options.sync;
  properties.max_chunk_bytes = kMaxChunkBytesLimit;
  const Status made = client->CreateBucket(name, properties).status();
  if (!made.ok() && made.code() != StatusCode::kAlreadyExists) return made;
  return name;
}

StatusOr<Calibration> Calibrate(const RingBenchOptions& options) {
  Calibration result;
  const BenchOptions machine{.directory = options.directory, .seconds = kCalibrationSeconds};
  RETURN_IF_ERROR(RunCalibrations(machine, [&result](const Measurement& one) {
    if (one.name == "memcpy") result.memcpy = one.mb_per_second();
    if (one.name == "CRC32C") result.crc = one.mb_per_second();
    if (one.name == "loopback TCP") result.loopback = one.mb_per_second();
  }));
  ASSIGN_OR_RETURN(const Measurement append,
                   MeasurePlainFile(machine, options.load.value_bytes,
                                    std::min<std::uint64_t>(64, options.at_once)));
  result.append_sync = append.mb_per_second();
  return result;
}

struct Loads {
  LoadResult writers;
  std::optional<LoadResult> readers;
};

// Starts all processes, waits for all.
StatusOr<Loads> RunLoads(const RingBenchOptions& options, LoadOrder order) {
  std::vector<std::unique_ptr<LoadProcess>> processes, readers;
  order.begin_unix_ms =
      static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(
                                     SystemClock().WallNow().time_since_epoch())
                                     .count()) +
      kStartMs;
  order.at_once = options.at_once;
  order.seconds = options.seconds;
  order.per_second = options.per_second / static_cast<double>(options.processes);
  for (std::uint64_t i = 0; i < options.processes; ++i) {
    // Process 0's keys are those that were stored before.
    order.spec.process = i + 1;
    ASSIGN_OR_RETURN(auto process, LoadProcess::Start(order));
    processes.push_back(std::move(process));
  }
  if (options.workload == "mixed") {
    order.spec.workload = Workload::kRange;
    order.at_once = options.readers;
    order.per_second = 0;
    ASSIGN_OR_RETURN(auto process, LoadProcess::Start(order));
    readers.push_back(std::move(process));
  }
  Loads loads;
  for (const auto& process : processes) {
    ASSIGN_OR_RETURN(const LoadResult result, process->Await());
    loads.writers.Merge(result);
  }
  for (const auto& process : readers) {
    ASSIGN_OR_RETURN(loads.readers, process->Await());
  }
  return loads;
}

StatusOr<BenchRun> RunOnce(const RingBenchOptions& options, const std::string& endpoint,
                           Client* client, NodeMeter* meter, const Progress& progress) {
  LoadOrder order{.spec = options.load, .endpoint = endpoint};
  ASSIGN_OR_RETURN(order.spec.workload, WorkloadOf(options.workload));
  ASSIGN_OR_RETURN(order.spec.bucket, MakeBucket(options, client));
  order.spec.run = RandomSeed();
  order.spec.now = Epoch(WallSeconds(SystemClock().WallNow()));
  if (options.workload == "tail") order.spec.now = Epoch(order.spec.now.value() - kSecondsBack);
  BenchRun run{.workload = options.workload, .options = options};
  progress("calibrating");
  ASSIGN_OR_RETURN(run.calibration, Calibrate(options));
  // Before anything is stored: both push files out of the page cache.
  if (options.drop_caches) RETURN_IF_ERROR(DropPageCache());
  if (options.touch_gb > 0) {
    progress("touching memory");
    ASSIGN_OR_RETURN(run.calibration.touch, TouchMemory(options.touch_gb * 1'000'000'000));
  }
  LoadSpec stored = order.spec;
  if (options.workload == "mixed") stored.workload = Workload::kRange;
  progress("storing what is read");
  RETURN_IF_ERROR(Preload(stored, client));
  ASSIGN_OR_RETURN(const std::vector<NodeUsage> before, meter->Read());
  progress(fmt::format("{} for {} s", options.workload, options.seconds));
  ASSIGN_OR_RETURN(Loads loads, RunLoads(options, order));
  ASSIGN_OR_RETURN(run.nodes, meter->Read());
  for (std::size_t i = 0; i < run.nodes.size(); ++i) run.nodes[i] = run.nodes[i].Since(before[i]);
  run.result = std::move(loads.writers);
  run.readers = std::move(loads.readers);
  return run;
}

double BytesOf(const BenchRun& run) {
  return static_cast<double>(run.result.bytes + (run.readers ? run.readers->bytes : 0));
}

template <typename Value>
double SumOf(const std::vector<NodeUsage>& nodes, Value NodeUsage::*value) {
  double sum = 0;
  for (const NodeUsage& node : nodes) sum += node.*value;
  return sum;
}

double Ratio(double a, double b) {
  return b == 0 ? 0 : a / b;
}

}  // namespace

double BenchRun::mb_per_second() const {
  return Ratio(static_cast<double>(result.bytes) / 1e6, result.seconds);
}

double BenchRun::operations_per_second() const {
  return Ratio(static_cast<double>(result.operations), result.seconds);
}

double BenchRun::server_cpu_seconds_per_gb() const {
  return Ratio(SumOf(nodes, &NodeUsage::cpu_seconds) * 1e9, BytesOf(*this));
}

double BenchRun::client_cpu_seconds_per_gb() const {
  const double cpu = result.cpu_seconds + (readers ? readers->cpu_seconds : 0);
  return Ratio(cpu * 1e9, BytesOf(*this));
}

double BenchRun::inside_bytes_ratio() const {
  return Ratio(SumOf(nodes, &NodeUsage::peer_bytes), BytesOf(*this));
}

StatusOr<BenchRun> RunRingBench(const RingBenchOptions& options, const std::string& endpoint,
                                const Progress& progress) {
  ASSIGN_OR_RETURN(const auto endpoints, ParseEndpoints(endpoint));
  ASSIGN_OR_RETURN(const auto client, Client::Connect({.endpoints = endpoints}));
  ASSIGN_OR_RETURN(const auto admin, ClusterAdmin::Connect({.endpoints = endpoints}));
  ASSIGN_OR_RETURN(const auto meter, NodeMeter::Make(admin.get(), {.endpoints = endpoints}));
  std::vector<BenchRun> runs;
  for (std::uint64_t i = 0; i < std::max<std::uint64_t>(1, options.runs); ++i) {
    ASSIGN_OR_RETURN(BenchRun run, RunOnce(options, endpoint, client.get(), meter.get(), progress));
    runs.push_back(std::move(run));
  }
  std::vector<RunFigures> figures;
  for (const BenchRun& run : runs) {
    figures.push_back({.mb_per_second = run.mb_per_second(),
                       .operations_per_second = run.operations_per_second(),
                       .server_cpu_seconds_per_gb = run.server_cpu_seconds_per_gb(),
                       .p99_ms = run.result.latency.PercentileMs(0.99),
                       .loopback = run.calibration.loopback});
  }
  std::sort(runs.begin(), runs.end(), [](const BenchRun& a, const BenchRun& b) {
    return a.mb_per_second() < b.mb_per_second();
  });
  BenchRun median = std::move(runs[runs.size() / 2]);
  median.runs = std::move(figures);
  return median;
}

namespace {

// Which operations succeeded, one number a line. Threads: any.
class Journal {
 public:
  // UNAVAILABLE: `path` cannot be written. An empty one: nothing is.
  static StatusOr<std::shared_ptr<Journal>> Open(const std::string& path) {
    std::FILE* const file = path.empty() ? nullptr : std::fopen(path.c_str(), "we");
    if (file == nullptr && !path.empty()) return Unavailable("{} cannot be written", path);
    return std::shared_ptr<Journal>(new Journal(file));
  }
  ~Journal() {
    if (file_ != nullptr) (void)std::fclose(file_);
  }
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;

  void Note(std::uint64_t i, const Status& status) {
    if (file_ != nullptr && status.ok()) fmt::print(file_, "{}\n", i);
  }

 private:
  explicit Journal(std::FILE* file) : file_(file) {}
  std::FILE* const file_;
};

}  // namespace

Status RunOrderedLoad(const std::string& text) {
  ASSIGN_OR_RETURN(const LoadOrder order, DecodeLoadOrder(text));
  ASSIGN_OR_RETURN(const auto endpoints, ParseEndpoints(order.endpoint));
  ASSIGN_OR_RETURN(const auto client, Client::Connect({.endpoints = endpoints}));
  ASSIGN_OR_RETURN(const auto reader, Client::Connect({.endpoints = endpoints}));
  // The first call learns the ring and opens connections: not a part of what is measured.
  RETURN_IF_ERROR(client->ListBuckets().status());
  RETURN_IF_ERROR(reader->ListBuckets().status());
  const WallTime begin{std::chrono::milliseconds(order.begin_unix_ms)};
  const Instant begin_instant = SystemClock().Now() + (begin - SystemClock().WallNow());
  ASSIGN_OR_RETURN(const auto journal, Journal::Open(order.journal));
  LoadResult result;
  {
    const auto load = RingLoad::Make(order.spec, client.get(), reader.get(), order.at_once);
    const double cpu = OwnCpuSeconds();
    result =
        RunLoad({.at_once = order.at_once,
                 .seconds = order.seconds,
                 .per_second = order.per_second,
                 .begin = begin_instant,
                 .patience = std::chrono::duration_cast<Duration>(
                     std::chrono::duration<double>(order.patience_seconds))},
                [&load, &journal](std::uint64_t i, OperationDone done) {
                  load->Start(i, [i, &journal, done = std::move(done)](const OperationEnd& end) {
                    journal->Note(i, end.status);
                    done(end);
                  });
                });
    result.cpu_seconds = OwnCpuSeconds() - cpu;
  }
  result.peak_resident_bytes = OwnUsage().peak_resident_bytes;
  for (const auto& counters : {client->counters(), reader->counters()}) {
    for (const auto& [endpoint, requests] : counters.requests) result.requests += requests;
  }
  fmt::print("{}\n", EncodeLoadResult(result));
  return std::fflush(stdout) == 0 ? OkStatus() : Unavailable("cannot write");
}

}  // namespace carillon
