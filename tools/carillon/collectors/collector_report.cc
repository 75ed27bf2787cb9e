#include "tools/carillon/collectors/collector_report.h"

#include <algorithm>

#include <simdjson.h>

#include "base/json_writer.h"
#include "tools/carillon/output/table.h"
#include "tools/carillon/output/units.h"

namespace carillon {
namespace {

using Element = simdjson::dom::element;

double NumberAt(Element element, std::string_view pointer) {
  double value = 0;
  return element.at_pointer(pointer).get(value) == simdjson::SUCCESS ? value : 0;
}

std::uint64_t CountAt(Element element, std::string_view pointer) {
  std::uint64_t value = 0;
  return element.at_pointer(pointer).get(value) == simdjson::SUCCESS ? value : 0;
}

std::string TextAt(Element element, std::string_view pointer) {
  std::string_view text;
  return element.at_pointer(pointer).get(text) == simdjson::SUCCESS ? std::string(text) : "";
}

std::string Rounded(double value) {
  return FormatCount(static_cast<std::uint64_t>(value + 0.5));
}

std::vector<std::string> RowOf(const AskedCollector& asked) {
  if (!asked.status.ok()) return {asked.url, "-", "-", "-", "-", "-", "-", "-", "-", "no answer"};
  const CollectorStatus& of = *asked.status;
  std::uint64_t refused = 0;
  for (const auto& [reason, count] : of.refused) refused += count;
  return {asked.url,
          FormatSeconds(of.uptime_seconds),
          FormatCount(of.tenants),
          Rounded(of.requests_per_second),
          Rounded(of.events_per_second),
          FormatBytes(of.spool_bytes),
          FormatSeconds(of.lag_seconds),
          FormatCount(refused),
          of.ring_reachable ? "reachable" : "away",
          of.not_ready.empty() ? "ready" : "not ready"};
}

void AppendTroubles(const AskedCollector& asked, std::string* out) {
  const auto say = [&](std::string_view what) { *out += fmt::format("{}: {}\n", asked.url, what); };
  if (!asked.status.ok()) return say(Message(asked.status.status()));
  const CollectorStatus& of = *asked.status;
  if (!of.not_ready.empty()) say(of.not_ready);
  if (!of.ring_reachable) say("does not reach the ring: events stay in its spool");
  if (of.tenants_refused > 0) {
    say(fmt::format("cannot use {} tenants or keys of the ring: its log says which",
                    of.tenants_refused));
  }
  std::string refused;
  for (const auto& [reason, count] : of.refused) {
    refused += fmt::format("{}{} {}", refused.empty() ? "" : ", ", reason, FormatCount(count));
  }
  if (!refused.empty()) say("refused since its start: " + refused);
}

}  // namespace

std::string StatusUrl(std::string_view collector) {
  std::string url(collector);
  while (url.ends_with('/')) url.pop_back();
  if (url.find("://") == std::string::npos) url = "http://" + url;
  return url + "/status";
}

StatusOr<CollectorStatus> ParseCollectorStatus(std::string_view json) {
  simdjson::dom::parser parser;
  Element root;
  if (parser.parse(simdjson::padded_string(json)).get(root) != simdjson::SUCCESS ||
      !root.is_object() || root["uptime_seconds"].error() != simdjson::SUCCESS) {
    return DataLoss("this is no collector's status");
  }
  CollectorStatus status{.version = TextAt(root, "/version"),
                         .uptime_seconds = NumberAt(root, "/uptime_seconds"),
                         .not_ready = TextAt(root, "/not_ready"),
                         .tenants = CountAt(root, "/tenants/all"),
                         .tenants_refused = CountAt(root, "/tenants/refused"),
                         .requests_per_second = NumberAt(root, "/per_second/requests"),
                         .events_per_second = NumberAt(root, "/per_second/events"),
                         .spool_bytes = CountAt(root, "/spool/bytes"),
                         .spool_limit_bytes = CountAt(root, "/spool/limit_bytes"),
                         .lag_seconds = std::max(NumberAt(root, "/lag_seconds"), 0.0),
                         .json = simdjson::minify(root)};
  bool reachable = false;
  status.ring_reachable =
      root.at_pointer("/ring/reachable").get(reachable) == simdjson::SUCCESS && reachable;
  simdjson::dom::object refused;
  if (root["refused"].get(refused) == simdjson::SUCCESS) {
    for (const auto& [reason, value] : refused) {
      std::uint64_t count = 0;
      if (value.get(count) == simdjson::SUCCESS) status.refused[std::string(reason)] = count;
    }
  }
  return status;
}

bool AllWell(const std::vector<AskedCollector>& collectors) {
  return std::all_of(collectors.begin(), collectors.end(), [](const AskedCollector& asked) {
    return asked.status.ok() && asked.status->not_ready.empty() && asked.status->ring_reachable;
  });
}

std::string CollectorsText(const std::vector<AskedCollector>& collectors) {
  constexpr Table::Align kRight = Table::Align::kRight;
  Table table({{"collector"},
               {"up", kRight},
               {"tenants", kRight},
               {"requests/s", kRight},
               {"events/s", kRight},
               {"spool", kRight},
               {"lag", kRight},
               {"refused", kRight},
               {"ring"},
               {"state"}});
  std::string troubles;
  for (const AskedCollector& asked : collectors) {
    table.Add(RowOf(asked));
    AppendTroubles(asked, &troubles);
  }
  return table.Render() + (troubles.empty() ? "" : "\n") + troubles;
}

std::string CollectorsJson(const std::vector<AskedCollector>& collectors) {
  std::string text = "[";
  for (const AskedCollector& asked : collectors) {
    JsonWriter json;
    const std::string error = asked.status.ok() ? "" : std::string(Message(asked.status.status()));
    json.BeginObject().Field("url", asked.url).Field("error", error).Key("status");
    text += (text.size() > 1 ? "," : "") + json.Take() +
            (asked.status.ok() ? asked.status->json : "null") + "}";
  }
  return text + "]\n";
}

}  // namespace carillon
