// The calls about tenants and their keys: translation to changes of the cluster state.
#include <algorithm>

#include "ring/tenant_change.h"
#include "server/api/cluster_service.h"
#include "server/api/ring_change_call.h"
#include "server/api/unary_call.h"

namespace carillon {
namespace {

template <typename Request>
std::optional<StateVersion> ExpectedOf(const Request& request) {
  if (!request.has_expected()) return std::nullopt;
  return StateVersion(request.expected());
}

StatusOr<WriteKeyHash> HashFrom(const std::string& bytes) {
  WriteKeyHash hash{};
  if (bytes.size() != hash.size()) {
    return InvalidArgument("sha256 of {} bytes, want {}", bytes.size(), hash.size());
  }
  std::copy(bytes.begin(), bytes.end(), hash.begin());
  return hash;
}

WriteKeyRecord FromProto(const v1::WriteKey& message) {
  return {.tenant = message.tenant(),
          .label = message.label(),
          .origins = {message.origins().begin(), message.origins().end()},
          .requests_per_second = message.requests_per_second(),
          .created = message.created(),
          .expires = message.expires(),
          .revoked = message.revoked()};
}

void ToProto(const WriteKeyHash& hash, const WriteKeyRecord& key, v1::WriteKey* message) {
  message->set_sha256(hash.data(), hash.size());
  message->set_tenant(key.tenant);
  message->set_label(key.label);
  for (const std::string& origin : key.origins) message->add_origins(origin);
  message->set_requests_per_second(key.requests_per_second);
  message->set_created(key.created);
  message->set_expires(key.expires);
  message->set_revoked(key.revoked);
}

}  // namespace

grpc::ServerUnaryReactor* ClusterService::ListTenants(grpc::CallbackServerContext* context,
                                                      const v1::ListTenantsRequest* request,
                                                      v1::ListTenantsResponse* response) {
  const UnaryCall call("ListTenants", context, metrics_);
  const SharedState state = node_->state();
  const TenantSection& section = state->tenants;
  response->set_cluster_uuid(ToString(state->cluster));
  response->set_generation(state->generation);
  response->set_version(section.changed.value());
  if (request->known_cluster_uuid() == response->cluster_uuid() &&
      request->known_generation() == response->generation() &&
      request->known_version() == response->version()) {
    response->set_unchanged(true);
    return call.Finish(OkStatus());
  }
  for (const auto& [name, document] : section.tenants) {
    v1::Tenant* tenant = response->add_tenants();
    tenant->set_name(name);
    tenant->set_document(document.text);
    tenant->set_changed(document.changed.value());
  }
  for (const auto& [hash, key] : section.keys) ToProto(hash, key, response->add_keys());
  return call.Finish(OkStatus());
}

grpc::ServerUnaryReactor* ClusterService::SetTenant(grpc::CallbackServerContext* context,
                                                    const v1::SetTenantRequest* request,
                                                    v1::SetTenantResponse* response) {
  const UnaryCall call("SetTenant", context, metrics_);
  return ChangeState(
      node_, call, std::nullopt,
      [tenant = request->tenant(), expected = ExpectedOf(*request)](const ClusterState& state) {
        return WithTenantSet(state, tenant.name(), tenant.document(), expected);
      },
      response);
}

grpc::ServerUnaryReactor* ClusterService::RemoveTenant(grpc::CallbackServerContext* context,
                                                       const v1::RemoveTenantRequest* request,
                                                       v1::RemoveTenantResponse* response) {
  const UnaryCall call("RemoveTenant", context, metrics_);
  return ChangeState(
      node_, call, std::nullopt,
      [name = request->name(), expected = ExpectedOf(*request)](const ClusterState& state) {
        return WithTenantRemoved(state, name, expected);
      },
      response);
}

grpc::ServerUnaryReactor* ClusterService::CreateKey(grpc::CallbackServerContext* context,
                                                    const v1::CreateKeyRequest* request,
                                                    v1::CreateKeyResponse* response) {
  const UnaryCall call("CreateKey", context, metrics_);
  const auto hash = HashFrom(request->key().sha256());
  if (!hash.ok()) return call.Finish(hash.status());
  return ChangeState(
      node_, call, std::nullopt,
      [hash = *hash, key = FromProto(request->key())](const ClusterState& state) {
        return WithKeyAdded(state, hash, key);
      },
      response);
}

grpc::ServerUnaryReactor* ClusterService::RevokeKey(grpc::CallbackServerContext* context,
                                                    const v1::RevokeKeyRequest* request,
                                                    v1::RevokeKeyResponse* response) {
  const UnaryCall call("RevokeKey", context, metrics_);
  return ChangeState(
      node_, call, std::nullopt,
      [id = request->id(), forget = request->forget()](const ClusterState& state) {
        return WithKeyRevoked(state, id, forget);
      },
      response);
}

}  // namespace carillon
