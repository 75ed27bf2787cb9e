#include "collector/edge/tenant_directory.h"

#include <sys/stat.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <sstream>

#include "base/log.h"

namespace carillon {
namespace {

constexpr std::size_t kMaxFileBytes = std::size_t{16} << 20;

constexpr std::size_t kMaxRefusedLogged = 20;

void LogRefused(const TenantSnapshot* before, const std::vector<std::string>& refused) {
  std::size_t logged = 0;
  for (const std::string& one : refused) {
    const bool is_known =
        before != nullptr &&
        std::find(before->refused.begin(), before->refused.end(), one) != before->refused.end();
    if (is_known) continue;
    if (++logged > kMaxRefusedLogged) return LogWarning("and more that are refused");
    LogWarning("{}", one);
  }
}

}  // namespace

std::optional<Duration> TenantState::Take(const QuotaUse& use, const TenantKey* key,
                                          const Clock& clock) {
  const Instant now = clock.Now();
  const WallTime wall = clock.WallNow();
  std::optional<Duration> wait;
  {
    const std::lock_guard lock(mutex_);
    RateMeter* meter = nullptr;
    if (key != nullptr && key->requests_per_second > 0) {
      const auto found = keys_.find(key->hash);
      if (found != keys_.end()) meter = &found->second;
    }
    if (meter != nullptr) wait = meter->WaitFor(use.requests, now, wall);
    if (!wait.has_value()) wait = quota_.Take(use, now, wall);
    if (!wait.has_value() && meter != nullptr) meter->Take(use.requests);
  }
  if (wait.has_value()) counters_->over_quota.fetch_add(1, std::memory_order_relaxed);
  return wait;
}

void TenantState::SetLimits(const Tenant& tenant) {
  const std::lock_guard lock(mutex_);
  quota_.SetLimits(tenant.quota);
  has_day_limit_ =
      tenant.quota.requests.per_day + tenant.quota.events.per_day + tenant.quota.bytes.per_day > 0;
  std::map<KeyHash, RateMeter> keys;
  for (const TenantKey& key : tenant.keys) {
    if (key.requests_per_second == 0) continue;
    const RateLimit limit{.per_second = key.requests_per_second};
    const auto known = keys_.find(key.hash);
    RateMeter meter = known == keys_.end() ? RateMeter(limit) : known->second;
    meter.SetLimit(limit);
    keys.emplace(key.hash, meter);
  }
  keys_ = std::move(keys);
}

std::optional<DayUse> TenantState::day_use() const {
  const std::lock_guard lock(mutex_);
  if (!has_day_limit_) return std::nullopt;
  return quota_.day_use();
}

void TenantState::Restore(const DayUse& day) {
  const std::lock_guard lock(mutex_);
  quota_.Restore(day);
}

StatusOr<std::unique_ptr<TenantDirectory>> TenantDirectory::Open(std::string path,
                                                                 std::string open_tenant,
                                                                 CollectorMetrics* metrics) {
  auto directory = std::unique_ptr<TenantDirectory>(
      new TenantDirectory(std::move(path), std::move(open_tenant), metrics));
  RETURN_IF_ERROR(directory->Reload());
  return directory;
}

std::shared_ptr<const TenantSnapshot> TenantDirectory::Current() const {
  const std::lock_guard lock(mutex_);
  return current_;
}

TenantDirectory::Stamp TenantDirectory::StampNow() const {
  struct stat found {};
  if (path_.empty() || ::stat(path_.c_str(), &found) != 0) return {};
  return {.seconds = found.st_mtim.tv_sec,
          .nanoseconds = found.st_mtim.tv_nsec,
          .bytes = found.st_size,
          .inode = found.st_ino};
}

Status TenantDirectory::Reload() {
  const std::lock_guard lock(reload_mutex_);
  stamp_ = StampNow();
  std::string text;
  if (!path_.empty()) {
    ASSIGN_OR_RETURN(text, ReadTextFile(path_));
  }
  ASSIGN_OR_RETURN(const auto table, TenantTable::Parse(text, path_));
  of_file_.clear();
  for (std::size_t i = 0; i < table->size(); ++i) of_file_.push_back(table->tenant(i));
  Install();
  return OkStatus();
}

void TenantDirectory::HearRing(RingTenants tenants) {
  const std::lock_guard lock(reload_mutex_);
  of_ring_ = std::move(tenants);
  Install();
}

StatusOr<bool> TenantDirectory::ReloadIfChanged() {
  {
    const std::lock_guard lock(reload_mutex_);
    const Stamp now = StampNow();
    // A file that is being replaced may be away for a moment.
    if (now == stamp_ || now.bytes < 0) return false;
  }
  RETURN_IF_ERROR(Reload());
  return true;
}

// Those that were there before keep their state; the use of the day of those that go is kept.
void TenantDirectory::Install() {
  MergedTenants merged = merger_.Merge(of_file_, of_ring_.section, open_tenant_);
  const auto before = Current();
  LogRefused(before.get(), merged.refused);
  std::map<std::string_view, std::shared_ptr<TenantState>> known;
  for (std::size_t i = 0; before != nullptr && i < before->states.size(); ++i) {
    known.emplace(before->table->tenant(i).name, before->states[i]);
  }
  auto snapshot = std::make_shared<TenantSnapshot>();
  const TenantTable& table = *merged.table;
  for (std::size_t i = 0; i < table.size(); ++i) {
    const Tenant& tenant = table.tenant(i);
    const auto found = known.find(tenant.name);
    if (found != known.end()) {
      found->second->SetLimits(tenant);
      snapshot->states.push_back(found->second);
      known.erase(found);
      continue;
    }
    auto state = std::make_shared<TenantState>(tenant, metrics_->OfTenant(tenant.name));
    const auto day = days_.find(tenant.name);
    if (day != days_.end()) {
      state->Restore(day->second);
      days_.erase(day);
    }
    snapshot->states.push_back(std::move(state));
  }
  for (const auto& [name, state] : known) {
    const auto day = state->day_use();
    if (day.has_value() && days_.size() < kMaxTenants) days_[std::string(name)] = *day;
  }
  snapshot->open = open_tenant_.empty() ? table.size() : table.Find(open_tenant_);
  snapshot->table = std::move(merged.table);
  snapshot->of_ring = merged.of_ring;
  snapshot->refused = std::move(merged.refused);
  const std::lock_guard lock(mutex_);
  current_ = std::move(snapshot);
}

DayUses TenantDirectory::UsedDays() const {
  const std::lock_guard lock(reload_mutex_);
  const auto current = Current();
  DayUses days;
  std::uint64_t newest = 0;
  for (std::size_t i = 0; i < current->states.size(); ++i) {
    const auto day = current->states[i]->day_use();
    if (!day.has_value() || day->day == 0) continue;
    days[current->table->tenant(i).name] = *day;
    newest = std::max(newest, day->day);
  }
  for (const auto& [name, day] : days_) {
    if (day.day >= newest && days.size() < kMaxTenants) days.emplace(name, day);
  }
  return days;
}

void TenantDirectory::RestoreDays(DayUses days) {
  const std::lock_guard lock(reload_mutex_);
  const auto current = Current();
  days_ = std::move(days);
  for (std::size_t i = 0; i < current->states.size(); ++i) {
    const auto day = days_.find(current->table->tenant(i).name);
    if (day == days_.end()) continue;
    current->states[i]->Restore(day->second);
    days_.erase(day);
  }
}

StatusOr<std::string> ReadTextFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return InvalidArgument("cannot read {}", path);
  std::string text(kMaxFileBytes + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (file.bad() || text.size() > kMaxFileBytes) {
    return InvalidArgument("cannot read {}, or it has more than {} bytes", path, kMaxFileBytes);
  }
  return text;
}

}  // namespace carillon
