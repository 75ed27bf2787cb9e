#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/status.h"

namespace carillon {

// Counters and histograms of a node, in Prometheus' words. Observing is a few atomic additions.
// Labels come from fixed sets (methods, codes), never from keys. Threads: any.
class Metrics {
 public:
  Metrics();
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  // One request is over: `api` is "grpc" or "http", `method` of a fixed set.
  void ObserveRequest(std::string_view api, std::string_view method, StatusCode code,
                      Duration took);
  // Bytes of chunk values taken from and given to clients.
  void CountValueBytesIn(std::uint64_t bytes);
  void CountValueBytesOut(std::uint64_t bytes);
  void CountConnection(std::string_view api, bool accepted);
  void SetConnections(std::string_view api, std::size_t open);

  // A number that is asked for at each scrape. `name` without the prefix `carillon_`; counters end
  // in `_total`. Call before the first Render.
  void AddGauge(const std::string& name, const std::string& help, std::function<double()> read);
  void AddCounter(const std::string& name, const std::string& help, std::function<double()> read);

  // The text exposition format.
  std::string Render() const;

 private:
  struct Families;
  const std::unique_ptr<Families> families_;
};

}  // namespace carillon
