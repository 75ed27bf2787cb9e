#include "tests/bench/peers/report.h"

#include <algorithm>
#include <set>

#include <simdjson.h>

#include "base/json_writer.h"
#include "tools/carillon/output/table.h"

namespace carillon {
namespace {

using enum Table::Align;

constexpr std::pair<const char*, double PeerMeasurement::*> kNumbers[] = {
    {"seconds", &PeerMeasurement::seconds},
    {"ops_per_second", &PeerMeasurement::ops_per_second},
    {"mb_per_second", &PeerMeasurement::mb_per_second},
    {"p50_ms", &PeerMeasurement::p50_ms},
    {"p99_ms", &PeerMeasurement::p99_ms},
    {"server_cpu_seconds_per_gb", &PeerMeasurement::server_cpu_seconds_per_gb},
    {"client_cpu_seconds_per_gb", &PeerMeasurement::client_cpu_seconds_per_gb},
    {"server_memory_mb", &PeerMeasurement::server_memory_mb}};

double Median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const std::size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

std::string Fixed(double value, int digits) {
  return fmt::format("{:.{}f}", value, digits);
}

// The medians of one workload on one server; each column has its own.
std::vector<std::string> RowOf(const std::vector<const PeerMeasurement*>& rounds) {
  std::vector<std::string> row = {rounds.front()->server, rounds.front()->durable ? "yes" : "no"};
  const auto median = [&rounds](double PeerMeasurement::*value) {
    std::vector<double> values;
    for (const PeerMeasurement* round : rounds) values.push_back(round->*value);
    return Median(std::move(values));
  };
  const double per_second = median(&PeerMeasurement::ops_per_second);
  row.push_back(Fixed(per_second, per_second < 100 ? 1 : 0));
  row.push_back(Fixed(median(&PeerMeasurement::mb_per_second), 0));
  row.push_back(Fixed(median(&PeerMeasurement::p50_ms), 2));
  row.push_back(Fixed(median(&PeerMeasurement::p99_ms), 2));
  row.push_back(Fixed(median(&PeerMeasurement::server_cpu_seconds_per_gb), 2));
  row.push_back(Fixed(median(&PeerMeasurement::client_cpu_seconds_per_gb), 2));
  row.push_back(Fixed(median(&PeerMeasurement::server_memory_mb), 0));
  return row;
}

std::string TableOf(const std::string& workload, const PeersReport& report) {
  Table table({{workload, kLeft},
               {"durable", kLeft},
               {"per second", kRight},
               {"MB/s", kRight},
               {"p50 ms", kRight},
               {"p99 ms", kRight},
               {"server CPU s/GB", kRight},
               {"client CPU s/GB", kRight},
               {"server MB", kRight}});
  std::uint64_t connections = 0;
  std::size_t rounds_shown = 0;
  for (const PeerDescription& server : report.servers) {
    std::vector<const PeerMeasurement*> rounds;
    for (const PeerMeasurement& one : report.measurements) {
      if (one.workload == workload && one.server == server.name) rounds.push_back(&one);
    }
    if (rounds.empty()) continue;
    connections = rounds.front()->connections;
    rounds_shown = std::max(rounds_shown, rounds.size());
    table.Add(RowOf(rounds));
  }
  return fmt::format("{}({} connections, the median of {})\n\n", table.Render(), connections,
                     rounds_shown);
}

std::string CalibrationsOf(const PeersReport& report) {
  double low[2] = {1e9, 1e9}, high[2] = {0, 0};
  for (const PeerCalibration& one : report.calibrations) {
    const double values[2] = {one.loopback, one.append_sync};
    for (int i = 0; i < 2; ++i) {
      low[i] = std::min(low[i], values[i]);
      high[i] = std::max(high[i], values[i]);
    }
  }
  if (report.calibrations.empty()) return "";
  return fmt::format(
      "the machine before each server, MB/s: loopback TCP {:.0f} to {:.0f}, append + fdatasync "
      "{:.0f} to {:.0f}\n",
      low[0], high[0], low[1], high[1]);
}

void AddServers(const PeersReport& report, JsonWriter* json) {
  json->Key("servers").BeginArray();
  for (const PeerDescription& server : report.servers) {
    json->BeginObject()
        .Field("name", server.name)
        .Field("version", server.version)
        .Field("settings", server.settings);
    json->Key("durable").Bool(server.durable);
    json->EndObject();
  }
  json->EndArray();
  json->Key("skipped").BeginArray();
  for (const std::string& why : report.skipped) json->Text(why);
  json->EndArray();
}

template <typename Item, typename Read>
Status ReadArray(const simdjson::dom::element& from, const char* name, std::vector<Item>* to,
                 const Read& read) {
  simdjson::dom::array items;
  if (from[name].get(items) != simdjson::SUCCESS) return InvalidArgument("no '{}'", name);
  for (const simdjson::dom::element item : items) {
    Item one;
    if (!read(item, &one)) return InvalidArgument("'{}' holds something else", name);
    to->push_back(std::move(one));
  }
  return OkStatus();
}

bool ReadText(const simdjson::dom::element& from, const char* name, std::string* to) {
  std::string_view text;
  if (from[name].get(text) != simdjson::SUCCESS) return false;
  *to = text;
  return true;
}

bool ReadServer(const simdjson::dom::element& from, PeerDescription* to) {
  return ReadText(from, "name", &to->name) && ReadText(from, "version", &to->version) &&
         ReadText(from, "settings", &to->settings) &&
         from["durable"].get(to->durable) == simdjson::SUCCESS;
}

bool ReadCalibration(const simdjson::dom::element& from, PeerCalibration* to) {
  return ReadText(from, "server", &to->server) &&
         from["loopback_mb_per_second"].get(to->loopback) == simdjson::SUCCESS &&
         from["append_sync_mb_per_second"].get(to->append_sync) == simdjson::SUCCESS;
}

bool ReadMeasurement(const simdjson::dom::element& from, PeerMeasurement* to) {
  for (const auto& [name, number] : kNumbers) {
    if (from[name].get(to->*number) != simdjson::SUCCESS) return false;
  }
  return ReadText(from, "workload", &to->workload) && ReadText(from, "server", &to->server) &&
         from["durable"].get(to->durable) == simdjson::SUCCESS &&
         from["connections"].get(to->connections) == simdjson::SUCCESS &&
         from["operations"].get(to->operations) == simdjson::SUCCESS;
}

}  // namespace

std::string InJson(const PeersReport& report) {
  JsonWriter json;
  json.BeginObject();
  AddServers(report, &json);
  json.Key("calibrations").BeginArray();
  for (const PeerCalibration& one : report.calibrations) {
    json.BeginObject().Field("server", one.server);
    json.Key("loopback_mb_per_second").Decimal(one.loopback);
    json.Key("append_sync_mb_per_second").Decimal(one.append_sync);
    json.EndObject();
  }
  json.EndArray();
  json.Key("measurements").BeginArray();
  for (const PeerMeasurement& one : report.measurements) {
    json.BeginObject().Field("workload", one.workload).Field("server", one.server);
    json.Key("durable").Bool(one.durable);
    json.Field("connections", one.connections).Field("operations", one.operations);
    for (const auto& [name, number] : kNumbers) json.Key(name).Decimal(one.*number);
    json.EndObject();
  }
  json.EndArray().EndObject();
  return json.Take() + "\n";
}

Status AddFromJson(const std::string& text, PeersReport* report) {
  simdjson::dom::parser parser;
  simdjson::dom::element whole;
  if (parser.parse(text).get(whole) != simdjson::SUCCESS) return InvalidArgument("no JSON");
  std::vector<PeerDescription> servers;
  RETURN_IF_ERROR(ReadArray(whole, "servers", &servers, ReadServer));
  for (PeerDescription& server : servers) {
    const bool known = std::any_of(report->servers.begin(), report->servers.end(),
                                   [&](const auto& one) { return one.name == server.name; });
    if (!known) report->servers.push_back(std::move(server));
  }
  RETURN_IF_ERROR(ReadArray(whole, "calibrations", &report->calibrations, ReadCalibration));
  return ReadArray(whole, "measurements", &report->measurements, ReadMeasurement);
}

std::string InTable(const PeersReport& report) {
  std::string text;
  std::set<std::string> shown;
  for (const PeerMeasurement& one : report.measurements) {
    if (shown.insert(one.workload).second) text += TableOf(one.workload, report);
  }
  text += CalibrationsOf(report);
  for (const PeerDescription& server : report.servers) {
    text += fmt::format("{}: {}; {}\n", server.name, server.version, server.settings);
  }
  for (const std::string& why : report.skipped) text += fmt::format("skipped: {}\n", why);
  return text;
}

}  // namespace carillon
