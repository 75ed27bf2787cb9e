#include "ring/tenant_change.h"

namespace carillon {
namespace {

Status CheckExpected(const ClusterState& state, const std::string& name,
                     std::optional<StateVersion> expected) {
  if (!expected) return OkStatus();
  const auto found = state.tenants.tenants.find(name);
  const bool is_there = found != state.tenants.tenants.end();
  if (expected->value() == 0) {
    return is_there ? AlreadyExists("tenant '{}' exists", name) : OkStatus();
  }
  if (!is_there) return NotFound("no tenant '{}'", name);
  if (found->second.changed == *expected) return OkStatus();
  return Aborted("tenant '{}' was changed in version {}, after version {}: look at it again", name,
                 found->second.changed, *expected);
}

ClusterState Next(const ClusterState& state, std::string note) {
  ClusterState next = NextVersionOf(state, std::move(note));
  next.tenants.changed = next.version;
  return next;
}

StatusOr<ClusterState> WithinLimits(ClusterState next) {
  const TenantSection& section = next.tenants;
  if (section.tenants.size() > kMaxRingTenants || section.keys.size() > kMaxRingKeys) {
    return ResourceExhausted("there can be {} tenants and {} keys in the ring", kMaxRingTenants,
                             kMaxRingKeys);
  }
  if (const std::size_t bytes = SectionBytes(section); bytes > kMaxTenantSectionBytes) {
    return ResourceExhausted("tenants and keys would take {} bytes, there is room for {}", bytes,
                             kMaxTenantSectionBytes);
  }
  return next;
}

StatusOr<WriteKeyHash> FindKey(const TenantSection& section, std::string_view id) {
  const bool is_hex = id.find_first_not_of("0123456789abcdef") == std::string_view::npos;
  if (!is_hex || id.size() < kLeastKeyIdDigits) {
    return InvalidArgument("'{}' names no key: want {} or more of 0-9a-f", id, kLeastKeyIdDigits);
  }
  std::optional<WriteKeyHash> found;
  for (const auto& [hash, key] : section.keys) {
    if (!HexOf(hash).starts_with(id)) continue;
    if (found) return InvalidArgument("'{}' is the beginning of more than one key", id);
    found = hash;
  }
  if (!found) return NotFound("no key '{}'", id);
  return *found;
}

}  // namespace

StatusOr<ClusterState> WithTenantSet(const ClusterState& state, const std::string& name,
                                     const std::string& document,
                                     std::optional<StateVersion> expected) {
  RETURN_IF_ERROR(CheckTenantDocument(name, document));
  RETURN_IF_ERROR(CheckExpected(state, name, expected));
  const bool is_new = !state.tenants.tenants.contains(name);
  ClusterState next =
      Next(state, fmt::format("tenant {} {}", name, is_new ? "created" : "changed"));
  next.tenants.tenants[name] = {.text = document, .changed = next.version};
  return WithinLimits(std::move(next));
}

StatusOr<ClusterState> WithTenantRemoved(const ClusterState& state, const std::string& name,
                                         std::optional<StateVersion> expected) {
  if (!state.tenants.tenants.contains(name)) return NotFound("no tenant '{}'", name);
  RETURN_IF_ERROR(CheckExpected(state, name, expected));
  ClusterState next = Next(state, fmt::format("tenant {} removed", name));
  next.tenants.tenants.erase(name);
  std::erase_if(next.tenants.keys, [&](const auto& one) { return one.second.tenant == name; });
  return next;
}

StatusOr<ClusterState> WithKeyAdded(const ClusterState& state, const WriteKeyHash& hash,
                                    const WriteKeyRecord& key) {
  RETURN_IF_ERROR(CheckWriteKey(key));
  if (!state.tenants.tenants.contains(key.tenant)) return NotFound("no tenant '{}'", key.tenant);
  if (state.tenants.keys.contains(hash)) return AlreadyExists("key {} exists", KeyIdOf(hash));
  ClusterState next = Next(state, fmt::format("key {} of {} created", KeyIdOf(hash), key.tenant));
  next.tenants.keys[hash] = key;
  return WithinLimits(std::move(next));
}

StatusOr<ClusterState> WithKeyRevoked(const ClusterState& state, std::string_view id, bool forget) {
  ASSIGN_OR_RETURN(const WriteKeyHash hash, FindKey(state.tenants, id));
  const std::string& tenant = state.tenants.keys.at(hash).tenant;
  ClusterState next = Next(state, fmt::format("key {} of {} {}", KeyIdOf(hash), tenant,
                                              forget ? "forgotten" : "revoked"));
  if (forget) {
    next.tenants.keys.erase(hash);
  } else {
    next.tenants.keys[hash].revoked = true;
  }
  return next;
}

}  // namespace carillon
