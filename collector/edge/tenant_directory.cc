#include "collector/edge/tenant_directory.h"

#include <sys/stat.h>

#include <fstream>
#include <map>
#include <sstream>

namespace carillon {
namespace {

constexpr std::size_t kMaxFileBytes = std::size_t{16} << 20;

// The tenants of `table`, and the open one if it is not among them.
StatusOr<std::shared_ptr<const TenantTable>> WithOpenTenant(
    const std::shared_ptr<const TenantTable>& table, const std::string& open) {
  if (open.empty() || table->Find(open) < table->size()) return table;
  std::vector<Tenant> tenants;
  for (std::size_t i = 0; i < table->size(); ++i) tenants.push_back(table->tenant(i));
  tenants.push_back({.name = open});
  return TenantTable::Make(std::move(tenants));
}

}  // namespace

std::optional<Duration> TenantState::Take(const QuotaUse& use, const Clock& clock) {
  std::optional<Duration> wait;
  {
    const std::lock_guard lock(mutex_);
    wait = quota_.Take(use, clock.Now(), clock.WallNow());
  }
  if (wait.has_value()) counters_->over_quota.fetch_add(1, std::memory_order_relaxed);
  return wait;
}

void TenantState::SetLimits(const QuotaLimits& limits) {
  const std::lock_guard lock(mutex_);
  quota_.SetLimits(limits);
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
  ASSIGN_OR_RETURN(auto with_open, WithOpenTenant(table, open_tenant_));
  Install(std::move(with_open));
  return OkStatus();
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

void TenantDirectory::Install(std::shared_ptr<const TenantTable> table) {
  std::map<std::string_view, std::shared_ptr<TenantState>> known;
  const auto before = Current();
  for (std::size_t i = 0; before != nullptr && i < before->states.size(); ++i) {
    known.emplace(before->table->tenant(i).name, before->states[i]);
  }
  auto snapshot = std::make_shared<TenantSnapshot>();
  for (std::size_t i = 0; i < table->size(); ++i) {
    const Tenant& tenant = table->tenant(i);
    const auto found = known.find(tenant.name);
    if (found != known.end()) {
      found->second->SetLimits(tenant.quota);
      snapshot->states.push_back(found->second);
    } else {
      snapshot->states.push_back(
          std::make_shared<TenantState>(tenant.quota, metrics_->OfTenant(tenant.name)));
    }
  }
  snapshot->open = open_tenant_.empty() ? table->size() : table->Find(open_tenant_);
  snapshot->table = std::move(table);
  const std::lock_guard lock(mutex_);
  current_ = std::move(snapshot);
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
