#include <benchmark/benchmark.h>
#include <sys/resource.h>

#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/random.h"
#include "collector/pipeline/pipeline.h"
#include "collector/pipeline/spool_format.h"

// How many requests, and events of about 300 bytes, Pipeline::Keep takes while a number of callers
// each wait for their answer before they ask again; the store takes everything at once. Beside it,
// what the disk does with the same bytes, one append and fdatasync after the other.
// TMPDIR says where.
namespace carillon {
namespace {

class TakingClient final : public Client {
 public:
  StatusOr<PutReply> PutChunk(const std::string&, const ChunkKey&, SharedBytes) override {
    return PutReply{};
  }
  void PutChunkAsync(const std::string&, const ChunkKey&, SharedBytes,
                     std::function<void(StatusOr<PutReply>)> done) override {
    done(PutReply{});
  }
  Status CommitSecond(const Commit&) override { return OkStatus(); }
  void CommitSecondAsync(const Commit&, std::function<void(Status)> done) override {
    done(OkStatus());
  }
  StatusOr<std::vector<ClaimVerdict>> Claim(const ClaimOrder& order) override {
    return std::vector(order.ids.size(), ClaimVerdict::kMine);
  }
  void ClaimAsync(const ClaimOrder& order, Duration,
                  std::function<void(StatusOr<std::vector<ClaimVerdict>>)> done) override {
    done(Claim(order));
  }
  StatusOr<SecondsPage> ListSeconds(const ListQuery&) override { return SecondsPage{}; }
  StatusOr<Bytes> GetChunk(const std::string&, const ChunkKey&) override { return Bytes(); }
  Status GetChunks(const std::string&, const std::vector<ChunkKey>&,
                   const std::function<void(const ChunkKey&, StatusOr<Bytes>)>&) override {
    return OkStatus();
  }
  std::unique_ptr<RangeStream> ReadRange(const RangeQuery&) override { return nullptr; }
  StatusOr<std::vector<NamedBucket>> ListBuckets() override { return std::vector<NamedBucket>(); }
  StatusOr<NamedBucket> CreateBucket(const std::string&, const BucketChange&) override {
    return NamedBucket{};
  }
  StatusOr<NamedBucket> SetBucket(const std::string&, const BucketChange&) override {
    return NamedBucket{};
  }
  ClientCounters counters() const override { return {}; }
};

std::string MakeDirectory() {
  const char* parent = std::getenv("TMPDIR");
  std::string path = std::string(parent != nullptr ? parent : "/var/tmp") + "/keep_bench.XXXXXX";
  if (::mkdtemp(path.data()) == nullptr) std::abort();
  return path;
}

// 300 bytes each, with what differs between real ones.
std::vector<std::string> MakeEvents(std::size_t count) {
  Random random(1);
  std::vector<std::string> events;
  for (std::size_t i = 0; i < count; ++i) {
    std::string event = fmt::format(
        R"({{"timestamp":{},"type":"WEB","subtype":"app","user":{},"session":"{:016x}","action":{{)"
        R"("name":"click","target":"button-{}","duration_ms":{}}},"page":"/shop/item/{}",)"
        R"("agent":"Mozilla/5.0 X11 Linux x86_64","referrer":"https://example.com/search",)",
        1'700'000'000 + i % 7, random.Below(100'000), random.Next(), random.Below(50),
        random.Below(5000), random.Below(10'000));
    event += "\"tags\":\"";
    while (event.size() < 297) event.push_back("abcdefgh"[random.Below(8)]);
    events.push_back(event + "\"}");
  }
  return events;
}

double CpuSeconds() {
  struct rusage usage;
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// Lets so many requests be under way.
class Callers {
 public:
  explicit Callers(std::size_t count) : free_(count), count_(count) {}
  void Begin() {
    std::unique_lock lock(mutex_);
    freed_.wait(lock, [this] { return free_ > 0; });
    --free_;
  }
  void End() {
    const std::lock_guard lock(mutex_);
    if (++free_ == 1 || free_ == count_) freed_.notify_one();
  }
  void WaitForAll() {
    std::unique_lock lock(mutex_);
    freed_.wait(lock, [this] { return free_ == count_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable freed_;
  std::size_t free_;
  const std::size_t count_;
};

std::vector<IntakeRequest> MakeRequests(const std::vector<std::string>& events,
                                        std::size_t events_each) {
  std::vector<IntakeRequest> requests;
  for (std::size_t at = 0; at + events_each <= events.size(); at += events_each) {
    IntakeRequest request{.tenant = "acme"};
    for (std::size_t i = 0; i < events_each; ++i) {
      request.events.push_back(
          {.bucket = "events", .type = "WEB", .subtype = "app", .json = events[at + i]});
    }
    requests.push_back(std::move(request));
  }
  return requests;
}

void BM_Keep(benchmark::State& state) {
  const auto events_each = static_cast<std::size_t>(state.range(0));
  const std::string directory = MakeDirectory();
  const std::vector<std::string> events = MakeEvents(20'000);
  std::vector<IntakeRequest> requests = MakeRequests(events, events_each);
  TakingClient client;
  auto pipeline = Pipeline::Open({.client = &client, .directory = directory + "/spool"});
  if (!pipeline.ok()) return state.SkipWithError(ToString(pipeline.status()).c_str());
  Callers callers(static_cast<std::size_t>(state.range(1)));
  std::atomic<std::uint64_t> refused{0};
  std::size_t next = 0;
  const double cpu_before = CpuSeconds();
  for (auto _ : state) {
    callers.Begin();
    IntakeRequest& request = requests[next++ % requests.size()];
    const auto now = SystemClock().WallNow().time_since_epoch();
    request.received_us = std::chrono::duration_cast<std::chrono::microseconds>(now).count();
    for (PreparedEvent& event : request.events) event.time_us = request.received_us;
    (*pipeline)->Keep(request, [&](const Status& status) {
      if (!status.ok()) ++refused;
      callers.End();
    });
  }
  callers.WaitForAll();
  const double cpu = CpuSeconds() - cpu_before;
  const auto requests_kept = static_cast<double>(state.iterations());
  state.counters["requests/s"] = benchmark::Counter(requests_kept, benchmark::Counter::kIsRate);
  state.counters["events/s"] = benchmark::Counter(requests_kept * static_cast<double>(events_each),
                                                  benchmark::Counter::kIsRate);
  state.counters["cpu_us/request"] = cpu * 1e6 / requests_kept;
  state.counters["refused"] = static_cast<double>(refused);
  state.counters["waiting_MB"] = static_cast<double>((*pipeline)->stats().waiting_bytes) / 1e6;
  if (const Status drained = (*pipeline)->Drain(std::chrono::seconds(60)); !drained.ok()) {
    state.SkipWithError(ToString(drained).c_str());
  }
  pipeline->reset();
  std::filesystem::remove_all(directory);
}
BENCHMARK(BM_Keep)
    ->ArgNames({"events", "callers"})
    ->ArgsProduct({{1, 100}, {16, 64, 256}})
    ->UseRealTime()
    ->MinTime(3);

void BM_AppendAndSync(benchmark::State& state) {
  const std::string directory = MakeDirectory();
  const auto file = MachineFileSystem()->Create(directory + "/log");
  const std::vector<std::string> events = MakeEvents(static_cast<std::size_t>(state.range(0)));
  const std::vector<IntakeRequest> requests = MakeRequests(events, events.size());
  const Bytes bytes = EncodeRequest(requests[0]);
  constexpr std::uint64_t kFileBytes = 64u << 20;
  bool ok = (*file)->Allocate(kFileBytes).ok();
  std::uint64_t offset = 0;
  const ByteSpan pieces[] = {bytes};
  for (auto _ : state) {
    ok = ok && (*file)->WriteAt(offset, pieces).ok() && (*file)->Sync().ok();
    offset = (offset + bytes.size()) % (kFileBytes - bytes.size());
  }
  if (!ok) state.SkipWithError("the disk failed");
  const auto count = static_cast<double>(state.iterations());
  state.counters["requests/s"] = benchmark::Counter(count, benchmark::Counter::kIsRate);
  state.counters["events/s"] =
      benchmark::Counter(count * static_cast<double>(state.range(0)), benchmark::Counter::kIsRate);
  std::filesystem::remove_all(directory);
}
BENCHMARK(BM_AppendAndSync)->ArgName("events")->Arg(1)->Arg(100)->UseRealTime();

void BM_EncodeRequest(benchmark::State& state) {
  const std::vector<std::string> events = MakeEvents(static_cast<std::size_t>(state.range(0)));
  const std::vector<IntakeRequest> requests = MakeRequests(events, events.size());
  for (auto _ : state) benchmark::DoNotOptimize(EncodeRequest(requests[0]));
}
BENCHMARK(BM_EncodeRequest)->ArgName("events")->Arg(1)->Arg(100);

}  // namespace
}  // namespace carillon
