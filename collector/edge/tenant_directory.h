#pragma once

#include <ctime>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "collector/edge/collector_metrics.h"
#include "collector/tenant/kept_tenants.h"
#include "collector/tenant/tenant_merge.h"
#include "collector/tenant/tenant_table.h"

namespace carillon {

// What is kept of a tenant from one table to the next. Threads: any.
class TenantState {
 public:
  TenantState(const Tenant& tenant, TenantCounters* counters)
      : counters_(counters), quota_(tenant.quota) {
    SetLimits(tenant);
  }

  // As TenantQuota::Take, and no more requests than `key` may have (nullptr: none was shown); what
  // does not fit is counted.
  std::optional<Duration> Take(const QuotaUse& use, const TenantKey* key, const Clock& clock);
  // What was used stays used.
  void SetLimits(const Tenant& tenant);
  // Of a tenant with a quota per day.
  std::optional<DayUse> day_use() const;
  void Restore(const DayUse& day);
  TenantCounters* counters() const { return counters_; }

 private:
  TenantCounters* const counters_;
  mutable std::mutex mutex_;
  TenantQuota quota_;
  bool has_day_limit_ = false;
  std::map<KeyHash, RateMeter> keys_;  // of those with a rate of their own
};

// All tenants at one moment. Never changes, but for the states.
struct TenantSnapshot {
  std::shared_ptr<const TenantTable> table;
  std::vector<std::shared_ptr<TenantState>> states;  // of the table's tenants
  // Whose a request without a key of anybody is; table->size(): nobody's.
  std::size_t open = 0;
  std::size_t of_ring = 0;           // tenants that the ring has told
  std::vector<std::string> refused;  // those of the ring that are not here, and why
};

// The tenants of a file, read again when it changes, and those of the ring, as they are heard; of
// two with one name the file's. Threads: any.
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
  // What the ring has told, all of it.
  void HearRing(RingTenants tenants);

  // What tenants with a quota per day have used, also of those that are gone for now.
  DayUses UsedDays() const;
  // Of an earlier process; also for tenants that are not known yet. Call before requests come.
  void RestoreDays(DayUses days);

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
  void Install();  // with reload_mutex_ held

  const std::string path_;
  const std::string open_tenant_;
  CollectorMetrics* const metrics_;
  mutable std::mutex reload_mutex_;  // guards the next five
  Stamp stamp_;
  std::vector<Tenant> of_file_;
  RingTenants of_ring_;
  TenantMerger merger_;
  DayUses days_;              // of tenants that are not in current_
  mutable std::mutex mutex_;  // guards current_; held for no longer than a copy of it takes
  std::shared_ptr<const TenantSnapshot> current_;
};

// The whole file. INVALID_ARGUMENT: it cannot be read, or is larger than 16 MiB.
StatusOr<std::string> ReadTextFile(const std::string& path);

}  // namespace carillon
