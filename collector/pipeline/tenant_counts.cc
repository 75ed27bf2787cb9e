#include "collector/pipeline/tenant_counts.h"

#include "base/check.h"

namespace carillon {

// With mutex_ held.
TenantIntake* TenantCounts::Find(std::string_view tenant) {
  const auto found = tenants_.find(tenant);
  if (found != tenants_.end()) return &found->second;
  const bool room = tenants_.size() < kMaxTenantStats;
  return &tenants_[room ? std::string(tenant) : std::string(kOtherTenants)];
}

Status TenantCounts::Reserve(std::string_view tenant, std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  const auto found = waiting_.find(tenant);
  const std::uint64_t before = found == waiting_.end() ? 0 : found->second;
  const bool fits = waiting_bytes_ + bytes <= limits_.total_bytes;
  if (!fits || before + bytes > limits_.tenant_bytes) {
    ++all_.refused;
    ++Find(tenant)->refused;
    return ResourceExhausted("{} bytes wait for the spool, {} of them of {}", waiting_bytes_,
                             before, tenant);
  }
  waiting_bytes_ += bytes;
  if (found == waiting_.end()) {
    waiting_.emplace(tenant, bytes);
  } else {
    found->second += bytes;
  }
  return OkStatus();
}

void TenantCounts::Release(std::string_view tenant, std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  const auto found = waiting_.find(tenant);
  CHECK(found != waiting_.end() && found->second >= bytes);
  waiting_bytes_ -= bytes;
  found->second -= bytes;
  if (found->second == 0) waiting_.erase(found);
}

void TenantCounts::CountAccepted(std::string_view tenant, std::uint64_t events,
                                 std::uint64_t json_bytes) {
  const std::lock_guard lock(mutex_);
  for (TenantIntake* counts : {&all_, Find(tenant)}) {
    ++counts->requests;
    counts->events += events;
    counts->bytes += json_bytes;
  }
}

void TenantCounts::CountRefused(std::string_view tenant) {
  const std::lock_guard lock(mutex_);
  ++all_.refused;
  ++Find(tenant)->refused;
}

void TenantCounts::AddTo(PipelineStats* stats) const {
  const std::lock_guard lock(mutex_);
  stats->accepted = all_;
  stats->tenants.insert(tenants_.begin(), tenants_.end());
  stats->waiting_bytes = waiting_bytes_;
}

}  // namespace carillon
