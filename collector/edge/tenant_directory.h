#pragma once

#include <ctime>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "collector/edge/collector_metrics.h"
#include "collector/tenant/tenant_table.h"

namespace carillon {

// What is kept of a tenant from one table to the next. Threads: any.
class TenantState {
 public:
  TenantState(const QuotaLimits& limits, TenantCounters* counters)
      : counters_(counters), quota_(limits) {}

  // As TenantQuota::Take; what does not fit is counted.
  std::optional<Duration> Take(const QuotaUse& use, const Clock& clock);
  void SetLimits(const QuotaLimits& limits);
  TenantCounters* counters() const { return counters_; }

 private:
  TenantCounters* const counters_;
  std::mutex mutex_;
  TenantQuota quota_;
};

// All tenants at one moment. Never changes, but for the states.
struct TenantSnapshot {
  std::shared_ptr<const TenantTable> table;
  std::vector<std::shared_ptr<TenantState>> states;  // of the table's tenants
  // Whose a request without a key of anybody is; table->size(): nobody's.
  std::size_t open = 0;
};

// The tenants of a file, read again when it changes. Threads: any.
class TenantDirectory {
 public:
  // `path`: a TOML file; empty: none. `open_tenant`: see TenantSnapshot::open; it need not be in
  // the file; empty: none. `metrics` outlives this.
  // INVALID_ARGUMENT: the file cannot be read, or says something wrong.
  static StatusOr<std::unique_ptr<TenantDirectory>> Open(std::string path, std::string open_tenant,
                                                         CollectorMetrics* metrics);

  std::shared_ptr<const TenantSnapshot> Current() const;

  // Reads the file now. After an error all stays as it was.
  Status Reload();
  // Reload, if the file's size or time of change is another. Returns whether it was.
  StatusOr<bool> ReloadIfChanged();

 private:
  struct Stamp {
    std::int64_t seconds = 0;
    std::int64_t nanoseconds = 0;
    std::int64_t bytes = -1;
    std::uint64_t inode = 0;
    friend bool operator==(const Stamp&, const Stamp&) = default;
  };

  TenantDirectory(std::string path, std::string open_tenant, CollectorMetrics* metrics)
      : path_(std::move(path)), open_tenant_(std::move(open_tenant)), metrics_(metrics) {}
  Stamp StampNow() const;
  void Install(std::shared_ptr<const TenantTable> table);

  const std::string path_;
  const std::string open_tenant_;
  CollectorMetrics* const metrics_;
  std::mutex reload_mutex_;
  Stamp stamp_;
  mutable std::mutex mutex_;
  std::shared_ptr<const TenantSnapshot> current_;
};

// The whole file. INVALID_ARGUMENT: it cannot be read, or is larger than 16 MiB.
StatusOr<std::string> ReadTextFile(const std::string& path);

}  // namespace carillon
