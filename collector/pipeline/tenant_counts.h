#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "base/status.h"
#include "collector/pipeline/pipeline.h"

namespace carillon {

struct WaitingLimits {
  std::uint64_t total_bytes = std::uint64_t{256} << 20;
  std::uint64_t tenant_bytes = std::uint64_t{128} << 20;  // so that one does not take it all
};

// What each tenant has had taken, and how much of it waits in memory for the disk or the packer.
//
// Threads: any, at once. Memory: kMaxTenantStats names, and those that have something waiting.
class TenantCounts {
 public:
  explicit TenantCounts(WaitingLimits limits) : limits_(limits) {}

  // Takes memory for a request. RESOURCE_EXHAUSTED: too much waits; counted as refused.
  Status Reserve(std::string_view tenant, std::uint64_t bytes);
  void Release(std::string_view tenant, std::uint64_t bytes);

  void CountAccepted(std::string_view tenant, std::uint64_t events, std::uint64_t json_bytes);
  void CountRefused(std::string_view tenant);

  // Fills accepted, tenants, and waiting_bytes.
  void AddTo(PipelineStats* stats) const;

 private:
  TenantIntake* Find(std::string_view tenant);

  const WaitingLimits limits_;
  mutable std::mutex mutex_;
  std::map<std::string, TenantIntake, std::less<>> tenants_;
  TenantIntake all_;
  std::map<std::string, std::uint64_t, std::less<>> waiting_;  // none is 0
  std::uint64_t waiting_bytes_ = 0;
};

}  // namespace carillon
