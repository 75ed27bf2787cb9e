#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

// What `carillon collector status` says. Pure.
namespace carillon {

// "127.0.0.1:7491", "http://HOST:PORT/", "https://HOST": where its status is.
std::string StatusUrl(std::string_view collector);

// A collector's answer to GET /status (docs/OPERATIONS.md, "The collector").
struct CollectorStatus {
  std::string version;
  double uptime_seconds = 0;
  std::string not_ready;  // empty: it takes events
  bool ring_reachable = false;
  std::uint64_t tenants = 0;
  std::uint64_t tenants_refused = 0;
  double requests_per_second = 0;
  double events_per_second = 0;
  std::uint64_t spool_bytes = 0;
  std::uint64_t spool_limit_bytes = 0;
  double lag_seconds = 0;                        // age of the oldest chunk that is not in the ring
  std::map<std::string, std::uint64_t> refused;  // requests, by reason
  std::string json;                              // as it came, in one line
};
// DATA_LOSS: no such object.
StatusOr<CollectorStatus> ParseCollectorStatus(std::string_view json);

struct AskedCollector {
  std::string url;
  StatusOr<CollectorStatus> status;
};

// Whether all have answered, take events, and reach the ring.
bool AllWell(const std::vector<AskedCollector>& collectors);
// A table, and a line for each trouble.
std::string CollectorsText(const std::vector<AskedCollector>& collectors);
// [{"url":..,"error":..,"status":{..}}]; `status` is null if there is an error.
std::string CollectorsJson(const std::vector<AskedCollector>& collectors);

}  // namespace carillon
