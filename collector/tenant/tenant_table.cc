#include "collector/tenant/tenant_table.h"

#include <algorithm>

#include "base/chunk_key.h"

namespace carillon {
namespace {

Status CheckRule(const EventRule& rule) {
  if (!rule.bucket.empty()) RETURN_IF_ERROR(CheckName("bucket", rule.bucket));
  if (!rule.type.empty()) RETURN_IF_ERROR(CheckName("type", rule.type));
  return CheckSubtype(rule.subtype);
}

}  // namespace

Status CheckTenant(const Tenant& tenant) {
  RETURN_IF_ERROR(CheckName("tenant", tenant.name));
  RETURN_IF_ERROR(CheckName("bucket", tenant.bucket));
  RETURN_IF_ERROR(CheckName("type", tenant.type));
  if (tenant.keys.size() > kMaxKeysOfTenant) {
    return InvalidArgument("{} keys, at most {}", tenant.keys.size(), kMaxKeysOfTenant);
  }
  if (tenant.rules.size() + tenant.streams.size() > kMaxRulesOfTenant) {
    return InvalidArgument("{} rules and streams, at most {}",
                           tenant.rules.size() + tenant.streams.size(), kMaxRulesOfTenant);
  }
  for (const EventRule& rule : tenant.rules) RETURN_IF_ERROR(CheckRule(rule));
  for (const StreamPlace& place : tenant.streams) {
    RETURN_IF_ERROR(
        CheckRule({.bucket = place.bucket, .type = place.type, .subtype = place.subtype}));
  }
  return OkStatus();
}

StatusOr<std::shared_ptr<const TenantTable>> TenantTable::Make(std::vector<Tenant> tenants) {
  if (tenants.size() > kMaxTenants) {
    return InvalidArgument("{} tenants, at most {}", tenants.size(), kMaxTenants);
  }
  auto table = std::make_shared<TenantTable>();
  table->tenants_ = std::move(tenants);
  for (std::size_t i = 0; i < table->tenants_.size(); ++i) {
    const Tenant& tenant = table->tenants_[i];
    if (const Status status = CheckTenant(tenant); !status.ok()) {
      return Annotate(status, fmt::format("tenant '{}'", tenant.name));
    }
    if (!table->names_.emplace(tenant.name, i).second) {
      return InvalidArgument("tenant '{}' is there twice", tenant.name);
    }
    for (std::size_t key = 0; key < tenant.keys.size(); ++key) {
      const auto [held, added] = table->holders_.insert({tenant.keys[key].hash, {i, key}});
      if (added) continue;
      return InvalidArgument("tenants '{}' and '{}' have the same key {}", tenant.name,
                             table->tenants_[held->second.tenant].name,
                             ToHex(tenant.keys[key].hash));
    }
  }
  return std::shared_ptr<const TenantTable>(std::move(table));
}

StatusOr<KeyHolder> TenantTable::Authenticate(std::string_view key, std::string_view origin,
                                              std::int64_t now_seconds) const {
  constexpr std::string_view kUnknown = "this key is nobody's";
  if (key.size() > kMaxShownKeyBytes) return MakeStatus(StatusCode::kNotFound, kUnknown);
  const KeyHash hash = HashOf(key);
  const auto held = holders_.lower_bound(hash);
  if (held == holders_.end() || !SameKey(held->first, hash)) {
    return MakeStatus(StatusCode::kNotFound, kUnknown);
  }
  const TenantKey& found = tenants_[held->second.tenant].keys[held->second.key];
  if (found.revoked) return MakeStatus(StatusCode::kUnauthenticated, "this key is revoked");
  if (found.expires.has_value() && now_seconds >= *found.expires) {
    return MakeStatus(StatusCode::kUnauthenticated, "this key has expired");
  }
  const bool allowed =
      origin.empty() || found.origins.empty() ||
      std::find(found.origins.begin(), found.origins.end(), origin) != found.origins.end();
  if (!allowed) {
    return MakeStatus(StatusCode::kPermissionDenied, "this key is not for this origin");
  }
  return held->second;
}

std::size_t TenantTable::Find(std::string_view name) const {
  const auto found = names_.find(name);
  return found == names_.end() ? tenants_.size() : found->second;
}

}  // namespace carillon
