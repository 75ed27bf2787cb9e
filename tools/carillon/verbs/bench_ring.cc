#include <fstream>
#include <iterator>
#include <memory>

#include "tools/carillon/bench/local_cluster.h"
#include "tools/carillon/bench/ring_bench.h"
#include "tools/carillon/verbs/bench_verbs.h"

namespace carillon {
namespace {

struct Text {
  const char* name;
  const char* description;
  const char* examples;
};

constexpr Text kTexts[] = {
    {"put", "Chunks of one size, each to a key of its own",
     "  carillon bench put --local 3\n"
     "  carillon bench put --local 1 --n-val 1 --size 4000 --connections 64"},
    {"second", "A logger's seconds: chunks in parallel, then the commit",
     "  carillon bench second --local 3 --chunks 200 --rate 5 --connections 4"},
    {"get", "Chunks at random", "  carillon bench get --local 3 --n-val 1 --keys 2000"},
    {"range", "A dashboard: ranges of seconds, in order",
     "  carillon bench range --local 3 --range-seconds 60 --chunks 200 --connections 1"},
    {"tail", "How soon another client has read what was committed",
     "  carillon bench tail --local 3 --rate 10 --chunks 10"},
    {"mixed", "Loggers at a rate while dashboards read ranges",
     "  carillon bench mixed --local 3 --rate 2 --chunks 100 --readers 2"},
};

constexpr char kAllExamples[] =
    "\n\nWithout --local it loads the cluster of --endpoint, in buckets of its own whose names "
    "begin\n"
    "with bench-; they keep what was stored for three hours. With --rate latencies count from "
    "when\n"
    "an operation was due, so a cluster that stands still is seen as its users see it. The CPU of\n"
    "the nodes, and bytes between them, are the nodes' own counters.";

struct Options {
  RingBenchOptions bench;
  std::uint64_t n_val = 3;
  std::uint64_t w = 0;
  std::uint64_t value_bytes = 100'000;
  std::string sync = "always";
  std::uint64_t seconds = 10;
  std::string per_second;
  std::uint64_t local = 0;
};

Status Check(Options* options) {
  RingBenchOptions& bench = options->bench;
  ASSIGN_OR_RETURN(bench.sync, ParseSyncMode(options->sync));
  bench.n_val = static_cast<std::uint32_t>(options->n_val);
  bench.w = static_cast<std::uint32_t>(options->w);
  RETURN_IF_ERROR(Validate(BucketProperties{.n_val = bench.n_val, .w = bench.w}));
  bench.load.value_bytes = options->value_bytes;
  bench.seconds = static_cast<double>(options->seconds);
  if (!options->per_second.empty()) {
    char* end = nullptr;
    bench.per_second = std::strtod(options->per_second.c_str(), &end);
    if (*end != '\0' || !(bench.per_second > 0)) return InvalidArgument("--rate: a number above 0");
  }
  if (bench.workload == "tail" && bench.per_second == 0) bench.per_second = 10;
  if (bench.at_once == 0 || bench.processes == 0 || bench.load.chunks == 0 ||
      bench.load.range_seconds == 0 || bench.load.keys == 0 || bench.seconds == 0) {
    return InvalidArgument("a count of 0");
  }
  if (bench.load.value_bytes == 0 || bench.load.value_bytes > kMaxChunkBytesLimit) {
    return InvalidArgument("--size: 1 to {} bytes", kMaxChunkBytesLimit);
  }
  if (bench.load.chunks > kMaxChunksPerCommit) {
    return InvalidArgument("--chunks: at most {}", kMaxChunksPerCommit);
  }
  return OkStatus();
}

Outcome RunWorkload(Session* session, Options options) {
  if (const Status status = Check(&options); !status.ok()) return UsageError(status);
  const bool terminal = IsTerminal(2);
  const auto progress = [terminal](std::string_view text) {
    if (terminal) fmt::print(stderr, "\r\033[K{}", text);
  };
  std::unique_ptr<LocalCluster> cluster;
  std::string endpoint = session->options.endpoint;
  if (options.local > 0) {
    progress(fmt::format("starting {} nodes", options.local));
    ASSIGN_OR_RETURN(cluster, LocalCluster::Start(options.local, options.bench.directory));
    endpoint.clear();
    for (const std::string& one : cluster->endpoints()) {
      endpoint += (endpoint.empty() ? "" : ",") + one;
    }
  }
  const auto run = RunRingBench(options.bench, endpoint, progress);
  progress("");
  RETURN_IF_ERROR(run.status());
  RETURN_IF_ERROR(session->out().Write(session->json() ? InJson(*run) : InTable(*run)));
  const std::uint64_t failed = run->result.failed() + (run->readers ? run->readers->failed() : 0);
  return failed == 0 ? ExitCode::kDone : ExitCode::kPartial;
}

void AddWorkload(Command* bench, Session* session, const Text& text) {
  auto options = std::make_shared<Options>();
  const std::string name = text.name;
  options->bench.workload = name;
  if (name == "range") options->bench.at_once = 1;
  if (name == "second") options->bench.at_once = 4;
  if (name == "tail" || name == "mixed") options->bench.load.chunks = 20;
  if (name == "mixed") options->bench.load.range_seconds = 20;
  RingBenchOptions* to = &options->bench;
  Command verb =
      bench->AddVerb({name, "", text.description, std::string(text.examples) + kAllExamples});
  verb.Value("--local", &options->local, "a temporary cluster of so many nodes, on this machine");
  verb.Value("--size", &options->value_bytes, "bytes of a chunk");
  verb.Value("--n-val", &options->n_val, "homes of a chunk");
  verb.Value("--w", &options->w, "acknowledgements wanted; 0: a majority of them");
  verb.Choice("--sync", &options->sync, {"always", "interval", "os"}, "of the bucket");
  verb.Value("--connections", &to->at_once, "operations at once, in each process");
  verb.Value("--processes", &to->processes, "processes that make the load");
  verb.Value("--seconds,--duration", &options->seconds, "how long");
  verb.Value("--rate", &options->per_second,
             "operations due a second, in all (as fast as it goes)");
  verb.Value("--runs", &to->runs, "measure so often; the median counts");
  verb.Value("--touch-memory", &to->touch_gb,
             "GB to write to before each run: where a host hands out memory late");
  verb.Flag("--drop-caches", &to->drop_caches,
            "empty the page cache of the machine before each run: as root");
  verb.Value("--dir", &to->directory, "the disk for --local, and to calibrate by");
  if (name != "put" && name != "get") verb.Value("--chunks", &to->load.chunks, "of a second");
  if (name == "range" || name == "mixed") {
    verb.Value("--range-seconds", &to->load.range_seconds, "seconds of a range");
  }
  if (name == "get") verb.Value("--keys", &to->load.keys, "stored before, to choose from");
  if (name == "mixed") verb.Value("--readers", &to->readers, "ranges read at once");
  verb.OnRun([=] { return RunWorkload(session, *options); });
}

struct ReportOptions {
  std::vector<std::string> files;
  std::string output = "bench.html";
};

StatusOr<std::string> ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return NotFound("{} cannot be read", path);
  return std::string((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
}

Outcome RunReport(Session* session, const ReportOptions& options) {
  std::vector<std::string> texts;
  for (const std::string& path : options.files) {
    ASSIGN_OR_RETURN(std::string text, ReadFile(path));
    texts.push_back(std::move(text));
  }
  ASSIGN_OR_RETURN(const std::string page, BenchReport(texts));
  std::ofstream file(options.output, std::ios::binary | std::ios::trunc);
  file << page;
  file.close();
  if (!file) return Unavailable("{} cannot be written", options.output);
  return session->out().Write(options.output + "\n");
}

}  // namespace

void AddBenchWorkloads(Command* bench, Session* session) {
  for (const Text& text : kTexts) AddWorkload(bench, session, text);
  auto options = std::make_shared<ReportOptions>();
  Command verb = bench->AddVerb({"report", "", "A page of plots from runs in JSON",
                                 "  carillon bench put --local 3 --format json > put.json\n"
                                 "  carillon bench report put.json --output put.html"});
  verb.Positionals("FILE", &options->files, "what --format json printed");
  verb.Value("--output", &options->output, "the page");
  verb.OnRun([=] { return RunReport(session, *options); });
}

}  // namespace carillon
