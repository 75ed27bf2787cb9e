#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "ring/cluster_state.h"

// Changes of tenants and their keys: from one version of the cluster state to the next. Pure.
//
// `expected`, if given, is the version in which the tenant was last changed, as the caller has seen
// it; 0: there must be none yet. ALREADY_EXISTS: there is one; ABORTED: it was changed meanwhile.
// RESOURCE_EXHAUSTED: beyond a limit of tenant_section.h.
namespace carillon {

// A new tenant, or another document of one. INVALID_ARGUMENT: the name, or the size.
StatusOr<ClusterState> WithTenantSet(const ClusterState& state, const std::string& name,
                                     const std::string& document,
                                     std::optional<StateVersion> expected);

// Without the tenant and its keys. NOT_FOUND.
StatusOr<ClusterState> WithTenantRemoved(const ClusterState& state, const std::string& name,
                                         std::optional<StateVersion> expected);

// ALREADY_EXISTS: that key; NOT_FOUND: the tenant; INVALID_ARGUMENT: a field.
StatusOr<ClusterState> WithKeyAdded(const ClusterState& state, const WriteKeyHash& hash,
                                    const WriteKeyRecord& key);

// The key whose hash begins with `id` (hexadecimal, kLeastKeyIdDigits at least) is revoked; with
// `forget` nothing of it is kept. NOT_FOUND; INVALID_ARGUMENT: no digits, or more than one key.
StatusOr<ClusterState> WithKeyRevoked(const ClusterState& state, std::string_view id, bool forget);

}  // namespace carillon
