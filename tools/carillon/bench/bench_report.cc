// A page of plots from the JSON of benchmarks.
#include <algorithm>
#include <cmath>

#include <simdjson.h>

#include "tools/carillon/bench/ring_bench.h"
#include "tools/carillon/output/units.h"

namespace carillon {
namespace {

namespace dom = simdjson::dom;

// One run, as far as the page shows it.
struct Shown {
  std::string title;
  double mb_per_second = 0, ops_per_second = 0, server_cpu = 0, client_cpu = 0, inside = 0;
  double loopback = 0, append = 0;
  double p50 = 0, p90 = 0, p99 = 0, p999 = 0, max = 0;
  double failed = 0;
  std::vector<std::pair<double, double>> curve;  // ms, percent
};

double NumberOf(const dom::element& object, std::string_view pointer) {
  double value = 0;
  return object.at_pointer(pointer).get(value) == simdjson::SUCCESS ? value : 0;
}

std::string TextOf(const dom::element& object, const char* name) {
  std::string_view text;
  return object[name].get(text) == simdjson::SUCCESS ? std::string(text) : "";
}

std::string Escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '<') {
      out += "&lt;";
    } else if (c == '&') {
      out += "&amp;";
    } else {
      out += c;
    }
  }
  return out;
}

StatusOr<Shown> ShownOf(const dom::element& run) {
  Shown shown;
  const std::string workload = TextOf(run, "workload");
  if (workload.empty() || !run["latency_ms"].is_object()) {
    return InvalidArgument("no run of `carillon bench WORKLOAD --format json`");
  }
  shown.title =
      Escaped(fmt::format("{}, {} at {} at once, n_val {}, w {}, sync {}", workload,
                          FormatBytes(static_cast<std::uint64_t>(NumberOf(run, "/value_bytes"))),
                          NumberOf(run, "/connections"), NumberOf(run, "/n_val"),
                          NumberOf(run, "/w"), TextOf(run, "sync")));
  const std::pair<const char*, double*> numbers[] = {
      {"/mb_per_second", &shown.mb_per_second},
      {"/ops_per_second", &shown.ops_per_second},
      {"/server_cpu_seconds_per_gb", &shown.server_cpu},
      {"/client_cpu_seconds_per_gb", &shown.client_cpu},
      {"/inside_bytes_ratio", &shown.inside},
      {"/calibration/loopback_mb_per_second", &shown.loopback},
      {"/calibration/append_sync_mb_per_second", &shown.append},
      {"/latency_ms/p50", &shown.p50},
      {"/latency_ms/p90", &shown.p90},
      {"/latency_ms/p99", &shown.p99},
      {"/latency_ms/p999", &shown.p999},
      {"/latency_ms/max", &shown.max},
      {"/failed", &shown.failed}};
  for (const auto& [pointer, to] : numbers) *to = NumberOf(run, pointer);
  dom::array curve;
  if (run["latency_curve"].get(curve) == simdjson::SUCCESS) {
    for (const dom::element point : curve) {
      shown.curve.emplace_back(NumberOf(point, "/0"), NumberOf(point, "/1"));
    }
  }
  return shown;
}

struct Bar {
  std::string name;
  double value = 0;
  const char* color = "";
};

// Horizontal bars, the longest as wide as the plot.
std::string Bars(const std::vector<Bar>& bars, const char* unit) {
  constexpr int kRow = 26, kLeft = 170, kWidth = 420;
  double most = 1e-9;
  for (const Bar& bar : bars) most = std::max(most, bar.value);
  std::string svg = fmt::format("<svg viewBox='0 0 720 {}'>", kRow * bars.size());
  for (std::size_t i = 0; i < bars.size(); ++i) {
    const double y = static_cast<double>(i) * kRow;
    const double width = bars[i].value / most * kWidth;
    svg += fmt::format(
        "<text x='{}' y='{}' text-anchor='end'>{}</text>"
        "<rect x='{}' y='{}' width='{:.1f}' height='16' rx='2' fill='{}'/>"
        "<text x='{:.1f}' y='{}'>{:.4g} {}</text>",
        kLeft - 8, y + 17, bars[i].name, kLeft, y + 4, width, bars[i].color, kLeft + width + 6,
        y + 17, bars[i].value, unit);
  }
  return svg + "</svg>";
}

// Percentiles over time, both on the scales people read latencies by: powers of ten, and nines.
std::string Curve(const std::vector<std::pair<double, double>>& curve) {
  constexpr double kLeft = 60, kWidth = 620, kTop = 10, kHeight = 200, kNines = 4;
  if (curve.empty()) return "";
  const double low = std::floor(std::log10(std::max(0.001, curve.front().first)));
  const double high = std::max(low + 1, std::ceil(std::log10(std::max(0.001, curve.back().first))));
  const auto y = [&](double ms) {
    return kTop + kHeight * (high - std::log10(std::max(0.001, ms))) / (high - low);
  };
  const auto x = [&](double percent) {
    const double nines = -std::log10(std::max(1e-4, 1 - percent / 100));
    return kLeft + kWidth * std::min(kNines, nines) / kNines;
  };
  std::string svg = "<svg viewBox='0 0 720 250'>";
  for (double power = low; power <= high; ++power) {
    svg += fmt::format(
        "<line class='grid' x1='{0}' x2='{1}' y1='{2:.1f}' y2='{2:.1f}'/>"
        "<text x='{3}' y='{4:.1f}' text-anchor='end'>{5:g} ms</text>",
        kLeft, kLeft + kWidth, y(std::pow(10, power)), kLeft - 6, y(std::pow(10, power)) + 4,
        std::pow(10, power));
  }
  for (const auto& [percent, name] :
       {std::pair{0.0, "0"}, {90.0, "90 %"}, {99.0, "99 %"}, {99.9, "99.9 %"}}) {
    svg += fmt::format(
        "<line class='grid' x1='{0:.1f}' x2='{0:.1f}' y1='{1}' y2='{2}'/>"
        "<text x='{0:.1f}' y='{3}' text-anchor='middle'>{4}</text>",
        x(percent), kTop, kTop + kHeight, kTop + kHeight + 18, name);
  }
  svg += "<polyline points='";
  for (const auto& [ms, percent] : curve) svg += fmt::format("{:.1f},{:.1f} ", x(percent), y(ms));
  return svg + "'/></svg>";
}

constexpr char kHead[] =
    "<!doctype html><html lang='en'><meta charset='utf-8'><title>carillon bench</title><style>"
    "body{font:15px/1.5 system-ui,sans-serif;max-width:760px;margin:2em auto;padding:0 1em;"
    "color:#1c2733}h1{font-size:1.5em}h2{font-size:1.1em;margin-top:2.2em}svg{width:100%}"
    "svg text{font:12px system-ui,sans-serif;fill:#44525f}.grid{stroke:#dde3e8}"
    "polyline{fill:none;stroke:#1668a8;stroke-width:2}table{border-collapse:collapse;width:100%}"
    "td,th{padding:2px 10px 2px 0;text-align:right;border-bottom:1px solid #e4e9ed}"
    "td:first-child,th:first-child{text-align:left}</style><h1>carillon bench</h1>";

std::string Overview(const std::vector<Shown>& all) {
  std::string html =
      "<table><tr><th>run</th><th>MB/s</th><th>a second</th><th>p99 ms</th><th>CPU s/GB, nodes</th>"
      "<th>between nodes</th></tr>";
  for (const Shown& one : all) {
    html += fmt::format(
        "<tr><td>{}</td><td>{:.1f}</td><td>{:.1f}</td><td>{:.2f}</td><td>{:.2f}</td>"
        "<td>{:.2f} x</td></tr>",
        one.title, one.mb_per_second, one.ops_per_second, one.p99, one.server_cpu, one.inside);
  }
  return html + "</table>";
}

std::string Section(const Shown& one) {
  constexpr char kOurs[] = "#1668a8", kMachine[] = "#b9c4cd";
  std::string html = fmt::format("<h2>{}</h2>", one.title);
  html += "<h3>Throughput, beside what the machine did in the same minute</h3>";
  html += Bars({{"carillon", one.mb_per_second, kOurs},
                {"append + fdatasync", one.append, kMachine},
                {"loopback TCP", one.loopback, kMachine}},
               "MB/s");
  html += "<h3>CPU a GB of values</h3>";
  html += Bars({{"all nodes", one.server_cpu, kOurs}, {"clients", one.client_cpu, kMachine}}, "s");
  html += fmt::format(
      "<h3>Latency: p50 {:.2f}, p90 {:.2f}, p99 {:.2f}, p99.9 {:.2f}, max {:.2f} ms; {:.0f} "
      "failed</h3>",
      one.p50, one.p90, one.p99, one.p999, one.max, one.failed);
  return html + Curve(one.curve);
}

}  // namespace

StatusOr<std::string> BenchReport(const std::vector<std::string>& texts) {
  std::vector<Shown> all;
  for (const std::string& text : texts) {
    dom::parser parser;
    dom::document_stream runs;
    const simdjson::padded_string padded(text);
    if (parser.parse_many(padded, std::max<std::size_t>(padded.size(), 64)).get(runs) !=
        simdjson::SUCCESS) {
      return InvalidArgument("no JSON");
    }
    for (const auto run : runs) {
      dom::element element;
      if (run.get(element) != simdjson::SUCCESS) return InvalidArgument("no JSON");
      ASSIGN_OR_RETURN(Shown shown, ShownOf(element));
      all.push_back(std::move(shown));
    }
  }
  std::string html = kHead + Overview(all);
  for (const Shown& one : all) html += Section(one);
  return html + "</html>\n";
}

}  // namespace carillon
