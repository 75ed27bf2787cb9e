#pragma once

#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>

#include "base/clock.h"
#include "collector/edge/collector_metrics.h"
#include "collector/edge/tenant_directory.h"
#include "collector/pipeline/pipeline.h"

namespace carillon {

// What the collector knows of the ring it follows.
struct RingContact {
  std::string cluster;                  // empty: none was ever heard of
  std::uint64_t version = 0;            // that last changed the tenants
  std::optional<double> seconds_since;  // it was heard; nullopt: not since the start
  bool reachable = false;
};

// GET /status: how a collector fares, as one JSON object (docs/OPERATIONS.md, "The collector").
// Rates are of the last kWindow. Threads: any.
class StatusPage {
 public:
  static constexpr Duration kWindow = std::chrono::seconds(10);

  struct Sources {
    const CollectorMetrics* metrics = nullptr;
    std::function<PipelineStats()> pipeline;
    std::function<std::shared_ptr<const TenantSnapshot>()> tenants;
    std::function<RingContact()> ring;
    std::function<std::string()> not_ready;
    std::uint64_t spool_limit_bytes = 0;
    std::string version;
  };
  StatusPage(Sources sources, Instant now);

  // To be called about once a second.
  void Sample(Instant now);
  std::string Render(Instant now) const;

 private:
  struct Point {
    Instant when;
    CollectorTotals totals;
  };
  void AppendRates(const Point& now, std::string* out) const;

  const Sources sources_;
  const Instant began_;
  mutable std::mutex mutex_;
  std::deque<Point> points_;  // of the last kWindow, the oldest first
};

}  // namespace carillon
