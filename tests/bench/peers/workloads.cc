#include "tests/bench/peers/workloads.h"

#include <algorithm>
#include <atomic>
#include <latch>
#include <mutex>
#include <optional>
#include <thread>

#include "base/clock.h"
#include "base/process_usage.h"
#include "base/random.h"
#include "tests/bench/peers/server_process.h"
#include "tools/carillon/bench/benches.h"
#include "tools/carillon/bench/latency_histogram.h"

namespace carillon {
namespace {

constexpr std::uint64_t kLarge = 100'000;
constexpr std::uint64_t kSmall = 4'000;
constexpr std::uint64_t kKeys = 1'000;  // that gets choose from
constexpr std::uint64_t kChunks = 200;
constexpr std::uint64_t kRangeSeconds = 60;
constexpr std::uint64_t kTailChunks = 10;
constexpr double kTailsPerSecond = 10;
constexpr auto kPollInterval = std::chrono::milliseconds(1);

double Seconds(Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

// One operation, the i-th of all connections': how long it took if that is not all of the call.
struct OneEnd {
  Status status;
  std::optional<Duration> took = std::nullopt;
};
using Operation = std::function<OneEnd(PeerConnection*, std::uint64_t i)>;

struct Work {
  std::string name;
  std::uint64_t connections = 1;
  std::uint64_t bytes = 0;      // of values, of an operation
  double seconds = 0;           // no operation begins later
  std::uint64_t at_most = ~0u;  // operations
  std::uint64_t at_least = 0;   // of a workload that the next ones read
};

// Threads that each have a connection and wait for each answer.
class Workers {
 public:
  Workers(const Work& work, const Operation& operation) : work_(work), operation_(operation) {}

  Status Run(Peer* peer) {
    std::vector<std::unique_ptr<PeerConnection>> connections;
    for (std::uint64_t i = 0; i < work_.connections; ++i) {
      ASSIGN_OR_RETURN(auto connection, peer->Connect());
      connections.push_back(std::move(connection));
    }
    const ServersUsage before = UsageOfChildren();
    const double cpu = OwnCpuSeconds();
    began_ = SystemClock().Now();
    std::vector<std::thread> threads;
    for (const auto& connection : connections) {
      threads.emplace_back([this, &connection] { Loop(connection.get()); });
    }
    for (std::thread& thread : threads) thread.join();
    client_cpu_seconds_ = OwnCpuSeconds() - cpu;
    const ServersUsage after = UsageOfChildren();
    server_cpu_seconds_ = after.cpu_seconds - before.cpu_seconds;
    server_bytes_ = after.resident_bytes;
    return failure_;
  }

  PeerMeasurement Result(const PeerDescription& server) const {
    PeerMeasurement result;
    result.workload = work_.name;
    result.server = server.name;
    result.durable = server.durable;
    result.connections = work_.connections;
    result.operations = latency_.count();
    result.seconds = Seconds(last_ - began_);
    const auto operations = static_cast<double>(result.operations);
    const double bytes = operations * static_cast<double>(work_.bytes);
    result.ops_per_second = operations / result.seconds;
    result.mb_per_second = bytes / 1e6 / result.seconds;
    result.p50_ms = latency_.PercentileMs(0.5);
    result.p99_ms = latency_.PercentileMs(0.99);
    result.server_cpu_seconds_per_gb = server_cpu_seconds_ * 1e9 / bytes;
    result.client_cpu_seconds_per_gb = client_cpu_seconds_ * 1e9 / bytes;
    result.server_memory_mb = server_bytes_ / 1e6;
    return result;
  }

 private:
  void Loop(PeerConnection* connection) {
    LatencyHistogram latency;
    Instant now = began_;
    while (true) {
      const std::uint64_t i = next_.fetch_add(1);
      const bool enough = i >= work_.at_least && Seconds(now - began_) >= work_.seconds;
      if (i >= work_.at_most || enough || failed_) break;
      const Instant from = SystemClock().Now();
      const OneEnd end = operation_(connection, i);
      now = SystemClock().Now();
      if (!end.status.ok()) {
        const std::lock_guard lock(mutex_);
        failed_ = true;
        if (failure_.ok()) failure_ = end.status;
        break;
      }
      latency.Add(end.took.value_or(now - from));
    }
    const std::lock_guard lock(mutex_);
    latency_.Merge(latency);
    last_ = std::max(last_, now);
  }

  const Work& work_;
  const Operation& operation_;
  std::atomic<std::uint64_t> next_{0};
  std::atomic<bool> failed_{false};
  Instant began_;
  std::mutex mutex_;
  Instant last_;
  Status failure_;
  LatencyHistogram latency_;
  double client_cpu_seconds_ = 0;
  double server_cpu_seconds_ = 0;
  double server_bytes_ = 0;
};

// Reads second `i` of the tail, over and over, until all of it is there.
Status AwaitSecond(PeerConnection* reader, const PeerRange& second) {
  while (true) {
    ASSIGN_OR_RETURN(const std::uint64_t bytes, reader->ReadSeconds(second));
    if (bytes == kTailChunks * kLarge) return OkStatus();
    if (bytes != 0) return DataLoss("{} bytes of a second are visible", bytes);
    std::this_thread::sleep_until(SystemClock().Now() + kPollInterval);
  }
}

// Writes a second while `reader`, in a thread of its own, asks for it.
OneEnd WriteAndFollow(PeerConnection* writer, PeerConnection* reader, std::uint64_t i,
                      const SharedBytes& value) {
  const PeerRange second{.group = 't', .first = i, .count = 1, .chunks = kTailChunks};
  std::latch started(1);
  Status read_status;
  Instant read;
  std::thread follower([&] {
    started.count_down();
    read_status = AwaitSecond(reader, second);
    read = SystemClock().Now();
  });
  started.wait();
  const Status written = writer->WriteSecond(second, value);
  const Instant acknowledged = SystemClock().Now();
  follower.join();
  if (!written.ok()) return {written};
  return {read_status, std::max(Duration(0), read - acknowledged)};
}

class Workloads {
 public:
  Workloads(const WorkloadOptions& options, Peer* peer,
            const std::function<void(const PeerMeasurement&)>& report)
      : options_(options), peer_(peer), report_(report) {}

  Status RunAll() {
    RETURN_IF_ERROR(Puts("put 100 KB", 'p', large_, options_.connections));
    RETURN_IF_ERROR(Puts("put 4 KB", 'q', small_, options_.small_connections));
    RETURN_IF_ERROR(Gets());
    RETURN_IF_ERROR(SecondsAndRange());
    return Tail();
  }

 private:
  Status Run(const Work& work, const Operation& operation) {
    Workers workers(work, operation);
    RETURN_IF_ERROR(Annotate(workers.Run(peer_), work.name));
    report_(workers.Result(peer_->description()));
    return OkStatus();
  }

  Status Puts(const std::string& name, char group, const SharedBytes& value,
              std::uint64_t connections) {
    return Run({.name = name,
                .connections = connections,
                .bytes = value.size(),
                .seconds = options_.seconds,
                .at_least = kKeys},
               [&](PeerConnection* to, std::uint64_t i) -> OneEnd {
                 return {to->Put({group, 0, i}, value)};
               });
  }

  Status Gets() {
    return Run({.name = "get 100 KB",
                .connections = options_.connections,
                .bytes = kLarge,
                .seconds = options_.seconds},
               [&](PeerConnection* from, std::uint64_t i) -> OneEnd {
                 thread_local std::string value;
                 const Status got = from->Get({'p', 0, Random(i).Below(kKeys)}, &value);
                 if (got.ok() && value != large_.view()) return {DataLoss("other bytes")};
                 return {got};
               });
  }

  Status SecondsAndRange() {
    constexpr std::uint64_t kBytes = kChunks * kLarge;
    RETURN_IF_ERROR(
        Run({.name = "second",
             .connections = options_.writers,
             .bytes = kBytes,
             .at_most = kRangeSeconds,
             .at_least = kRangeSeconds},
            [&](PeerConnection* to, std::uint64_t i) -> OneEnd {
              return {to->WriteSecond({.group = 'r', .first = i, .chunks = kChunks}, large_)};
            }));
    return Run({.name = "range",
                .connections = 1,
                .bytes = kRangeSeconds * kBytes,
                .seconds = options_.seconds},
               [&](PeerConnection* from, std::uint64_t) -> OneEnd {
                 const auto bytes = from->ReadSeconds(
                     {.group = 'r', .first = 0, .count = kRangeSeconds, .chunks = kChunks});
                 if (bytes.ok() && *bytes != kRangeSeconds * kBytes) {
                   return {DataLoss("{} bytes of a range", *bytes)};
                 }
                 return {bytes.status()};
               });
  }

  Status Tail() {
    ASSIGN_OR_RETURN(const auto reader, peer_->Connect());
    const Instant began = SystemClock().Now();
    return Run({.name = "tail",
                .connections = 1,
                .bytes = kTailChunks * kLarge,
                .seconds = options_.seconds},
               [&](PeerConnection* writer, std::uint64_t i) -> OneEnd {
                 std::this_thread::sleep_until(
                     began + std::chrono::duration_cast<Duration>(std::chrono::duration<double>(
                                 static_cast<double>(i) / kTailsPerSecond)));
                 return WriteAndFollow(writer, reader.get(), i, large_);
               });
  }

  const WorkloadOptions& options_;
  Peer* const peer_;
  const std::function<void(const PeerMeasurement&)>& report_;
  const SharedBytes large_{RandomBytes(kLarge, 11)};
  const SharedBytes small_{RandomBytes(kSmall, 12)};
};

}  // namespace

Status RunWorkloads(const WorkloadOptions& options, Peer* peer,
                    const std::function<void(const PeerMeasurement&)>& report) {
  return Workloads(options, peer, report).RunAll();
}

}  // namespace carillon
