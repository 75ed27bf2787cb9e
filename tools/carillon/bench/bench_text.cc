// What a run of a benchmark is told as: JSON and tables.
#include "base/json_writer.h"
#include "tools/carillon/bench/ring_bench.h"
#include "tools/carillon/output/table.h"
#include "tools/carillon/output/units.h"

namespace carillon {
namespace {

using enum Table::Align;

constexpr std::size_t kCurvePoints = 60;

void AddLatency(const LatencyHistogram& latency, JsonWriter* json) {
  json->Key("latency_ms").BeginObject();
  json->Key("p50").Decimal(latency.PercentileMs(0.5));
  json->Key("p90").Decimal(latency.PercentileMs(0.9));
  json->Key("p99").Decimal(latency.PercentileMs(0.99));
  json->Key("p999").Decimal(latency.PercentileMs(0.999));
  json->Key("max").Decimal(latency.max_ms());
  json->EndObject();
}

// At most kCurvePoints points [milliseconds, percent of operations], the last always.
void AddCurve(const LatencyHistogram& latency, JsonWriter* json) {
  const auto curve = latency.Curve();
  const std::size_t step = curve.size() / kCurvePoints + 1;
  json->Key("latency_curve").BeginArray();
  for (std::size_t i = 0; i < curve.size(); ++i) {
    if (i % step != 0 && i + 1 != curve.size()) continue;
    json->BeginArray().Decimal(curve[i].first).Decimal(curve[i].second * 100).EndArray();
  }
  json->EndArray();
}

void AddResult(const LoadResult& result, JsonWriter* json) {
  const double seconds = result.seconds > 0 ? result.seconds : 1;
  json->Field("operations", result.operations);
  json->Key("ops_per_second").Decimal(static_cast<double>(result.operations) / seconds);
  json->Key("mb_per_second").Decimal(static_cast<double>(result.bytes) / 1e6 / seconds);
  AddLatency(result.latency, json);
  json->Field("late", result.late).Field("failed", result.failed());
  json->Key("failures").BeginObject();
  for (const auto& [code, count] : result.failures) json->Field(code, count);
  json->EndObject();
  json->Field("requests", result.requests)
      .Field("client_peak_resident_bytes", result.peak_resident_bytes);
  AddCurve(result.latency, json);
}

void AddOptions(const BenchRun& run, JsonWriter* json) {
  const RingBenchOptions& options = run.options;
  json->Field("value_bytes", options.load.value_bytes)
      .Field("n_val", options.n_val)
      .Field("w", BucketProperties{.n_val = options.n_val, .w = options.w}.AcksWanted())
      .Field("sync", ToString(options.sync))
      .Field("connections", options.at_once * options.processes)
      .Field("processes", options.processes);
  if (run.workload != "put" && run.workload != "get") json->Field("chunks", options.load.chunks);
  if (run.workload == "range" || run.workload == "mixed") {
    json->Field("range_seconds", options.load.range_seconds);
  }
  if (options.per_second > 0) json->Key("offered_per_second").Decimal(options.per_second);
  json->Key("seconds").Decimal(run.result.seconds);
}

void AddNodes(const std::vector<NodeUsage>& nodes, JsonWriter* json) {
  json->Key("nodes").BeginArray();
  for (const NodeUsage& node : nodes) {
    json->BeginObject().Field("name", node.name);
    json->Key("cpu_seconds").Decimal(node.cpu_seconds);
    const std::pair<const char*, double> counts[] = {
        {"resident_bytes", node.resident_bytes},
        {"client_bytes_in", node.client_bytes_in},
        {"client_bytes_out", node.client_bytes_out},
        {"peer_bytes", node.peer_bytes},
        {"log_bytes", node.log_bytes},
        {"disk_bytes_written", node.disk_bytes_written},
        {"requests", node.requests}};
    for (const auto& [name, count] : counts) json->Field(name, static_cast<std::uint64_t>(count));
    json->EndObject();
  }
  json->EndArray();
}

void AddRuns(const std::vector<RunFigures>& runs, JsonWriter* json) {
  json->Key("runs").BeginArray();
  for (const RunFigures& run : runs) {
    json->BeginObject();
    json->Key("mb_per_second").Decimal(run.mb_per_second);
    json->Key("ops_per_second").Decimal(run.operations_per_second);
    json->Key("server_cpu_seconds_per_gb").Decimal(run.server_cpu_seconds_per_gb);
    json->Key("p99_ms").Decimal(run.p99_ms);
    json->Key("loopback_mb_per_second").Decimal(run.loopback);
    json->EndObject();
  }
  json->EndArray();
}

std::string Fixed(double value, int digits) {
  return fmt::format("{:.{}f}", value, digits);
}

std::vector<std::string> RowOf(const std::string& name, const LoadResult& result) {
  const double seconds = result.seconds > 0 ? result.seconds : 1;
  const LatencyHistogram& latency = result.latency;
  return {name,
          FormatCount(result.operations),
          Fixed(static_cast<double>(result.operations) / seconds, 1),
          Fixed(static_cast<double>(result.bytes) / 1e6 / seconds, 1),
          Fixed(latency.PercentileMs(0.5), 2),
          Fixed(latency.PercentileMs(0.9), 2),
          Fixed(latency.PercentileMs(0.99), 2),
          Fixed(latency.PercentileMs(0.999), 2),
          Fixed(latency.max_ms(), 2),
          FormatCount(result.failed())};
}

std::string NodesInTable(const BenchRun& run) {
  Table table({{"node", kLeft},
               {"CPU s", kRight},
               {"memory", kRight},
               {"from clients", kRight},
               {"to clients", kRight},
               {"between nodes", kRight},
               {"log", kRight},
               {"requests", kRight}});
  const auto bytes = [](double count) { return FormatBytes(static_cast<std::uint64_t>(count)); };
  for (const NodeUsage& node : run.nodes) {
    table.Add({node.name, Fixed(node.cpu_seconds, 2), bytes(node.resident_bytes),
               bytes(node.client_bytes_in), bytes(node.client_bytes_out), bytes(node.peer_bytes),
               bytes(node.log_bytes), FormatCount(static_cast<std::uint64_t>(node.requests))});
  }
  return table.Render();
}

std::string RunsInLines(const std::vector<RunFigures>& runs) {
  std::string text = fmt::format("the median of {} runs, by MB/s:", runs.size());
  for (const RunFigures& run : runs) text += fmt::format(" {:.1f}", run.mb_per_second);
  text += "; CPU s/GB of nodes:";
  for (const RunFigures& run : runs) {
    text += fmt::format(" {:.2f}", run.server_cpu_seconds_per_gb);
  }
  return text + "\n";
}

}  // namespace

std::string InJson(const BenchRun& run) {
  JsonWriter json;
  json.BeginObject().Field("workload", run.workload);
  AddOptions(run, &json);
  AddResult(run.result, &json);
  json.Key("server_cpu_seconds_per_gb").Decimal(run.server_cpu_seconds_per_gb());
  json.Key("client_cpu_seconds_per_gb").Decimal(run.client_cpu_seconds_per_gb());
  json.Key("inside_bytes_ratio").Decimal(run.inside_bytes_ratio());
  const Calibration& calibration = run.calibration;
  json.Key("calibration").BeginObject();
  json.Key("loopback_mb_per_second").Decimal(calibration.loopback);
  json.Key("append_sync_mb_per_second").Decimal(calibration.append_sync);
  json.Key("memcpy_mb_per_second").Decimal(calibration.memcpy);
  json.Key("crc_mb_per_second").Decimal(calibration.crc);
  if (calibration.touch > 0) json.Key("touch_mb_per_second").Decimal(calibration.touch);
  json.EndObject();
  AddRuns(run.runs, &json);
  if (run.readers) {
    json.Key("readers").BeginObject();
    AddResult(*run.readers, &json);
    json.EndObject();
  }
  AddNodes(run.nodes, &json);
  json.EndObject();
  return json.Take() + "\n";
}

std::string InTable(const BenchRun& run) {
  Table table({{"workload", kLeft},
               {"operations", kRight},
               {"per second", kRight},
               {"MB/s", kRight},
               {"p50 ms", kRight},
               {"p90", kRight},
               {"p99", kRight},
               {"p99.9", kRight},
               {"max", kRight},
               {"failed", kRight}});
  table.Add(RowOf(run.workload, run.result));
  if (run.readers) table.Add(RowOf("  ranges", *run.readers));
  std::string text = table.Render();
  text += fmt::format(
      "\nCPU s/GB: nodes {:.2f}, clients {:.2f}; bytes between nodes: {:.3f} x; client memory {}\n",
      run.server_cpu_seconds_per_gb(), run.client_cpu_seconds_per_gb(), run.inside_bytes_ratio(),
      FormatBytes(std::max(run.result.peak_resident_bytes,
                           run.readers ? run.readers->peak_resident_bytes : 0)));
  if (!run.result.first_failure.empty()) {
    text += fmt::format("first failure: {}\n", run.result.first_failure);
  }
  text += fmt::format(
      "the machine, MB/s: loopback TCP {:.0f}, append + fdatasync {:.0f}, memcpy {:.0f}, CRC32C "
      "{:.0f}\n",
      run.calibration.loopback, run.calibration.append_sync, run.calibration.memcpy,
      run.calibration.crc);
  if (run.runs.size() > 1) text += RunsInLines(run.runs);
  return text + "\n" + NodesInTable(run);
}

}  // namespace carillon
