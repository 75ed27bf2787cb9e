#include <memory>

#include "base/json_writer.h"
#include "tools/carillon/bench/benches.h"
#include "tools/carillon/bench/ring_bench.h"
#include "tools/carillon/output/table.h"
#include "tools/carillon/output/units.h"
#include "tools/carillon/verbs/bench_verbs.h"
#include "tools/carillon/verbs/verbs.h"

namespace carillon {
namespace {

const VerbText kText = {
    .name = "bench",
    .group = kForMeasuring,
    .description = "Measure a cluster, or the parts of a node, beside what the machine can do",
    .examples =
        "With a workload: a load on a cluster. Without: log, API, and events of a node, each "
        "against\n"
        "a calibration in the same run.\n\n"
        "  carillon bench put --local 3\n"
        "  carillon bench\n"
        "  carillon bench --only log --seconds 10 --dir /mnt/disk\n"
        "Starts nodes of its own on loopback, on temporary data in --dir, and removes them.\n"
        "ratio: MB/s against the calibration before it. CPU s/GB: of both ends together.",
};

struct Options {
  std::string directory = "/var/tmp";
  std::uint64_t seconds = 3;
  std::string only = "all";
  std::uint64_t chunks = 10'000'000;
  std::string load;
};

std::string InJson(const std::vector<Measurement>& measurements) {
  JsonWriter json;
  json.BeginArray();
  for (const Measurement& one : measurements) {
    json.BeginObject()
        .Field("workload", one.name)
        .Field("value_bytes", one.value_bytes)
        .Field("outstanding", one.outstanding)
        .Field("operations", one.operations);
    json.Key("seconds").Decimal(one.seconds);
    json.Key("operations_per_second").Decimal(one.operations_per_second());
    json.Key("mb_per_second").Decimal(one.mb_per_second());
    json.Key("p50_ms").Decimal(one.p50_ms);
    json.Key("p99_ms").Decimal(one.p99_ms);
    json.Key("max_ms").Decimal(one.max_ms);
    json.Key("cpu_seconds_per_gb").Decimal(one.cpu_seconds_per_gb());
    json.Key("server_cpu_seconds").Decimal(one.server_cpu_seconds);
    json.Key("client_cpu_seconds").Decimal(one.client_cpu_seconds);
    json.Key("calibration_mb_per_second");
    if (one.baseline_mb_per_second > 0) {
      json.Decimal(one.baseline_mb_per_second).Key("ratio").Decimal(one.ratio());
    } else {
      json.Null();
    }
    json.EndObject();
  }
  json.EndArray();
  return json.Take() + "\n";
}

std::string InTable(const std::vector<Measurement>& measurements) {
  using enum Table::Align;
  Table table({{"workload", kLeft},
               {"bytes", kRight},
               {"at once", kRight},
               {"per second", kRight},
               {"MB/s", kRight},
               {"ratio", kRight},
               {"p50 ms", kRight},
               {"p99 ms", kRight},
               {"CPU s/GB", kRight}});
  for (const Measurement& one : measurements) {
    table.Add({one.name, FormatCount(one.value_bytes), FormatCount(one.outstanding),
               FormatCount(static_cast<std::uint64_t>(one.operations_per_second())),
               fmt::format("{:.0f}", one.mb_per_second()),
               one.ratio() > 0 ? fmt::format("{:.2f}", one.ratio()) : "",
               one.p50_ms > 0 ? fmt::format("{:.2f}", one.p50_ms) : "",
               one.p99_ms > 0 ? fmt::format("{:.2f}", one.p99_ms) : "",
               fmt::format("{:.2f}", one.cpu_seconds_per_gb())});
  }
  return table.Render();
}

Outcome RunMany(Session* session, const BenchOptions& bench, std::uint64_t chunks) {
  ASSIGN_OR_RETURN(const ManyResult result, RunManyBench(bench, chunks));
  if (session->json()) {
    JsonWriter json;
    json.BeginObject().Field("chunks", result.chunks);
    json.Key("fill_seconds").Decimal(result.fill_seconds);
    json.Key("start_seconds").Decimal(result.start_seconds);
    json.Key("get_milliseconds").Decimal(result.get_milliseconds);
    json.Key("reads_per_get").Decimal(result.reads_per_get);
    json.Key("split_seconds").Decimal(result.split_seconds);
    json.Field("rss_bytes", result.rss_bytes).Field("anonymous_bytes", result.anonymous_bytes);
    json.EndObject();
    return session->out().Write(json.Take() + "\n");
  }
  return session->out().Write(
      fmt::format("{} chunks of 200 bytes, filled in {:.1f} s\nstart until it serves: {:.2f} s\n"
                  "memory: {} resident, {} of it anonymous\nrandom GET: {:.2f} ms, {:.2f} reads\n"
                  "split of the partitions: {:.1f} s\n",
                  FormatCount(result.chunks), result.fill_seconds, result.start_seconds,
                  FormatBytes(result.rss_bytes), FormatBytes(result.anonymous_bytes),
                  result.get_milliseconds, result.reads_per_get, result.split_seconds));
}

Outcome RunBench(Session* session, const Options& options) {
  if (options.only == "echo-server") return ServeEcho();
  if (!options.load.empty()) return RunOrderedLoad(options.load);
  const BenchOptions bench{.directory = options.directory,
                           .seconds = static_cast<double>(options.seconds)};
  if (options.only == "many") return RunMany(session, bench, options.chunks);
  std::vector<Measurement> measurements;
  const bool terminal = IsTerminal(2);
  const Report report = [&](const Measurement& one) {
    measurements.push_back(one);
    if (terminal) fmt::print(stderr, "\r\033[K{}: {:.0f} MB/s", one.name, one.mb_per_second());
  };
  const std::pair<const char*, Status (*)(const BenchOptions&, const Report&)> parts[] = {
      {"machine", RunCalibrations},
      {"log", RunLogBench},
      {"rpc", RunRpcBench},
      {"events", RunEventBench}};
  for (const auto& [name, run] : parts) {
    if (options.only == "all" || options.only == name) RETURN_IF_ERROR(run(bench, report));
  }
  if (terminal) fmt::print(stderr, "\r\033[K");
  return session->out().Write(session->json() ? InJson(measurements) : InTable(measurements));
}

}  // namespace

void AddBench(CommandParser* parser, Session* session) {
  auto options = std::make_shared<Options>();
  Command verb = parser->root().AddVerb(kText);
  verb.Value("--dir", &options->directory, "temporary data goes here: the disk to measure");
  verb.Value("--seconds", &options->seconds, "of each measurement");
  verb.Choice("--only", &options->only,
              {"all", "machine", "log", "rpc", "events", "many", "echo-server"},
              "a part of it. many: a node with --chunks small chunks (not in all); echo-server:\n"
              "serve the bare echo that rpc is compared with");
  verb.Value("--chunks", &options->chunks, "how many chunks `many` makes");
  verb.Value("--load", &options->load, "what a process of a benchmark is told");
  AddBenchWorkloads(&verb, session);
  verb.OnRun([=] { return RunBench(session, *options); });
}

}  // namespace carillon
