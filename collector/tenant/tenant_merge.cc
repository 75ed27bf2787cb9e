#include "collector/tenant/tenant_merge.h"

#include <set>
#include <utility>

#include "base/check.h"

namespace carillon {
namespace {

TenantKey ToKey(const WriteKeyHash& hash, const WriteKeyRecord& record) {
  TenantKey key;
  key.name = record.label;
  key.hash.bytes = hash;
  key.origins = record.origins;
  if (record.expires != 0) key.expires = static_cast<std::int64_t>(record.expires);
  key.revoked = record.revoked;
  key.requests_per_second = record.requests_per_second;
  return key;
}

}  // namespace

void TenantMerger::ParseNew(const TenantSection& ring) {
  std::erase_if(parsed_, [&](const auto& one) { return !ring.tenants.contains(one.first); });
  for (const auto& [name, document] : ring.tenants) {
    const auto known = parsed_.find(name);
    if (known != parsed_.end() && known->second.document == document.text) continue;
    parsed_.insert_or_assign(
        name, Parsed{.document = document.text, .tenant = ParseTenant(name, document.text)});
  }
}

MergedTenants TenantMerger::Merge(const std::vector<Tenant>& of_file, const TenantSection& ring,
                                  const std::string& open) {
  ParseNew(ring);
  MergedTenants merged;
  std::vector<Tenant> tenants = of_file;
  std::map<std::string_view, std::size_t> places;  // of the ring's, in `tenants`
  std::set<std::string_view> of_file_names;
  std::set<KeyHash> hashes;
  for (const Tenant& tenant : of_file) {
    of_file_names.insert(tenant.name);
    for (const TenantKey& key : tenant.keys) hashes.insert(key.hash);
  }
  bool has_open = open.empty() || of_file_names.contains(open);
  const auto refuse = [&merged](std::string_view name, std::string_view why) {
    merged.refused.push_back(fmt::format("tenant '{}' of the ring: {}", name, why));
  };
  for (const auto& [name, parsed] : parsed_) {
    if (of_file_names.contains(name)) {
      refuse(name, "the file has one of that name, which counts");
    } else if (!parsed.tenant.ok()) {
      refuse(name, Message(parsed.tenant.status()));
    } else if (tenants.size() >= kMaxTenants - 1) {  // one place is the open one's
      refuse(name, fmt::format("there are {} tenants, the most there can be", tenants.size()));
    } else {
      places.emplace(name, tenants.size());
      tenants.push_back(*parsed.tenant);
      has_open = has_open || name == open;
      ++merged.of_ring;
    }
  }
  for (const auto& [hash, record] : ring.keys) {
    const auto place = places.find(record.tenant);
    if (place == places.end()) continue;
    Tenant& tenant = tenants[place->second];
    TenantKey key = ToKey(hash, record);
    if (hashes.contains(key.hash)) {
      refuse(tenant.name, fmt::format("the file has its key {}, too", KeyIdOf(hash)));
    } else if (tenant.keys.size() >= kMaxKeysOfTenant) {
      refuse(tenant.name, fmt::format("key {}: it has {} keys, the most there can be",
                                      KeyIdOf(hash), tenant.keys.size()));
    } else {
      tenant.keys.push_back(std::move(key));
    }
  }
  if (!has_open) tenants.push_back({.name = open});
  auto table = TenantTable::Make(std::move(tenants));
  CHECK(table.ok());  // each is valid, and no name or key is there twice
  merged.table = *std::move(table);
  return merged;
}

}  // namespace carillon
