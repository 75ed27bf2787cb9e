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

// INVALID_ARGUMENT: a name, a place, or a number of keys or rules that cannot be.
Status CheckTenant(const Tenant& tenant);

// A tenant of the ring: its document is what would stand in [tenants.NAME], without the keys, which
// are beside it there. INVALID_ARGUMENT names line and key.
StatusOr<Tenant> ParseTenant(std::string_view name, std::string_view document);

// Places in a TenantTable.
struct KeyHolder {
  std::size_t tenant = 0;
  std::size_t key = 0;  // of the tenant's keys
};

// All tenants at one moment, and whose a key is. Never changes. Threads: any.
class TenantTable {
 public:
  // INVALID_ARGUMENT: a name, key, rule, or limit that is not as it must be, or a key of two.
  static StatusOr<std::shared_ptr<const TenantTable>> Make(std::vector<Tenant> tenants);

  // Reads the table [tenants] of a TOML text; what stands beside it is somebody else's. `source` is
  // for messages. INVALID_ARGUMENT names line and key.
  static StatusOr<std::shared_ptr<const TenantTable>> Parse(std::string_view toml,
                                                            std::string_view source);

  // Whose key it is. NOT_FOUND: nobody's. UNAUTHENTICATED: revoked, or expired at `now_seconds`.
  // PERMISSION_DENIED: not for this origin (empty: the request has none).
  StatusOr<KeyHolder> Authenticate(std::string_view key, std::string_view origin,
                                   std::int64_t now_seconds) const;

  std::size_t size() const { return tenants_.size(); }
  const Tenant& tenant(std::size_t index) const { return tenants_[index]; }
  // size(): there is none of that name.
  std::size_t Find(std::string_view name) const;

 private:
  std::vector<Tenant> tenants_;
  std::map<std::string_view, std::size_t> names_;  // of tenants_
  std::map<KeyHash, KeyHolder> holders_;
};

}  // namespace carillon
