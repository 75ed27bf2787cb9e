#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "collector/tenant/tenant.h"

namespace carillon {

inline constexpr std::size_t kMaxTenants = 10'000;
inline constexpr std::size_t kMaxKeysOfTenant = 1'000;
inline constexpr std::size_t kMaxRulesOfTenant = 1'000;

// All tenants at one moment, and whose a key is. Never changes. Threads: any.
class TenantTable {
 public:
  // INVALID_ARGUMENT: a name, key, rule, or limit that is not as it must be, or a key of two.
  static StatusOr<std::shared_ptr<const TenantTable>> Make(std::vector<Tenant> tenants);

  // Reads the table [tenants] of a TOML text; what stands beside it is somebody else's. `source` is
  // for messages. INVALID_ARGUMENT names line and key.
  static StatusOr<std::shared_ptr<const TenantTable>> Parse(std::string_view toml,
                                                            std::string_view source);

  // The index of the tenant whose key it is. UNAUTHENTICATED: nobody's. PERMISSION_DENIED: revoked,
  // expired at `now_seconds`, or not for this origin (empty: the request has none).
  StatusOr<std::size_t> Authenticate(std::string_view key, std::string_view origin,
                                     std::int64_t now_seconds) const;

  std::size_t size() const { return tenants_.size(); }
  const Tenant& tenant(std::size_t index) const { return tenants_[index]; }
  // size(): there is none of that name.
  std::size_t Find(std::string_view name) const;

 private:
  struct Holder {
    std::size_t tenant = 0;
    std::size_t key = 0;
  };

  std::vector<Tenant> tenants_;
  std::map<KeyHash, Holder> holders_;
};

}  // namespace carillon
