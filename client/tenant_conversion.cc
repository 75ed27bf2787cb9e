#include "client/tenant_conversion.h"

#include <algorithm>

namespace carillon {

StatusOr<RingTenants> FromMessage(const v1::ListTenantsResponse& message) {
  RingTenants tenants;
  const auto cluster = ParseUuid(message.cluster_uuid());
  if (!cluster.ok()) return Internal("the node named a cluster '{}'", message.cluster_uuid());
  tenants.cluster = *cluster;
  tenants.generation = message.generation();
  TenantSection& section = tenants.section;
  section.changed = StateVersion(message.version());
  for (const v1::Tenant& tenant : message.tenants()) {
    section.tenants[tenant.name()] = {.text = tenant.document(),
                                      .changed = StateVersion(tenant.changed())};
  }
  for (const v1::WriteKey& key : message.keys()) {
    WriteKeyHash hash{};
    if (key.sha256().size() != hash.size()) {
      return Internal("the node sent a hash of {} bytes", key.sha256().size());
    }
    std::copy(key.sha256().begin(), key.sha256().end(), hash.begin());
    section.keys[hash] = {.tenant = key.tenant(),
                          .label = key.label(),
                          .origins = {key.origins().begin(), key.origins().end()},
                          .requests_per_second = key.requests_per_second(),
                          .created = key.created(),
                          .expires = key.expires(),
                          .revoked = key.revoked()};
  }
  return tenants;
}

v1::WriteKey ToMessage(const WriteKeyHash& hash, const WriteKeyRecord& key) {
  v1::WriteKey message;
  message.set_sha256(hash.data(), hash.size());
  message.set_tenant(key.tenant);
  message.set_label(key.label);
  for (const std::string& origin : key.origins) message.add_origins(origin);
  message.set_requests_per_second(key.requests_per_second);
  message.set_created(key.created);
  message.set_expires(key.expires);
  message.set_revoked(key.revoked);
  return message;
}

}  // namespace carillon
