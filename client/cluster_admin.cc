#include "client/cluster_admin.h"

#include <utility>

#include <fmt/ranges.h>

#include "client/messages.h"
#include "client/ring_conversion.h"
#include "client/ring_view.h"
#include "client/tenant_conversion.h"
#include "client/unary_calls.h"

namespace carillon {
namespace {

ClientOptions OnceOnly(ClientOptions options) {
  options.retry.max_attempts = 1;
  return options;
}

class GrpcClusterAdmin final : public ClusterAdmin {
 public:
  explicit GrpcClusterAdmin(const ClientOptions& options)
      : view_(options), looks_(&view_, options), changes_(&view_, OnceOnly(options)) {}

  StatusOr<ClusterView> View(std::uint32_t history) override {
    v1::GetClusterViewRequest request;
    request.set_history(history);
    ASSIGN_OR_RETURN(const auto response,
                     Invoke<v1::GetClusterViewResponse>(
                         &looks_, "/carillon.v1.ClusterService/GetClusterView", request));
    return FromMessage(response);
  }

  StatusOr<std::uint32_t> Repair() override {
    ASSIGN_OR_RETURN(const auto response, Invoke<v1::RepairNodeResponse>(
                                              &looks_, "/carillon.v1.ClusterService/RepairNode",
                                              v1::RepairNodeRequest()));
    return response.pulls();
  }

  StatusOr<std::string> MetricsText() override {
    ASSIGN_OR_RETURN(auto response, Invoke<v1::GetMetricsResponse>(
                                        &looks_, "/carillon.v1.ClusterService/GetMetrics",
                                        v1::GetMetricsRequest()));
    return std::move(*response.mutable_text());
  }

  StatusOr<std::optional<RingTenants>> Tenants(const RingTenants& known) override {
    v1::ListTenantsRequest request;
    request.set_known_cluster_uuid(ToString(known.cluster));
    request.set_known_generation(known.generation);
    request.set_known_version(known.section.changed.value());
    ASSIGN_OR_RETURN(const auto response,
                     Invoke<v1::ListTenantsResponse>(
                         &looks_, "/carillon.v1.ClusterService/ListTenants", request));
    if (response.unchanged()) return std::optional<RingTenants>();
    ASSIGN_OR_RETURN(RingTenants tenants, FromMessage(response));
    return std::optional(std::move(tenants));
  }

  StatusOr<StateVersion> SetTenant(const std::string& name, const std::string& document,
                                   std::optional<StateVersion> expected) override {
    v1::SetTenantRequest request;
    request.mutable_tenant()->set_name(name);
    request.mutable_tenant()->set_document(document);
    if (expected) request.set_expected(expected->value());
    return Change<v1::SetTenantResponse>("/carillon.v1.ClusterService/SetTenant", request);
  }

  StatusOr<StateVersion> RemoveTenant(const std::string& name,
                                      std::optional<StateVersion> expected) override {
    v1::RemoveTenantRequest request;
    request.set_name(name);
    if (expected) request.set_expected(expected->value());
    return Change<v1::RemoveTenantResponse>("/carillon.v1.ClusterService/RemoveTenant", request);
  }

  StatusOr<StateVersion> CreateKey(const WriteKeyHash& hash, const WriteKeyRecord& key) override {
    v1::CreateKeyRequest request;
    *request.mutable_key() = ToMessage(hash, key);
    return Change<v1::CreateKeyResponse>("/carillon.v1.ClusterService/CreateKey", request);
  }

  StatusOr<StateVersion> RevokeKey(const std::string& id, bool forget) override {
    v1::RevokeKeyRequest request;
    request.set_id(id);
    request.set_forget(forget);
    return Change<v1::RevokeKeyResponse>("/carillon.v1.ClusterService/RevokeKey", request);
  }

  StatusOr<StateVersion> Stage(const RingChange& change) override {
    v1::StageChangeRequest request;
    *request.mutable_change() = ToMessage(change);
    return Change<v1::StageChangeResponse>("/carillon.v1.ClusterService/StageChange", request);
  }

  StatusOr<StateVersion> ClearStaged() override {
    return Change<v1::ClearStagedResponse>("/carillon.v1.ClusterService/ClearStaged",
                                           v1::ClearStagedRequest());
  }

  StatusOr<PlannedChange> Plan(bool look, bool accept_loss) override {
    v1::PlanChangesRequest request;
    request.set_look(look);
    request.set_accept_loss(accept_loss);
    ASSIGN_OR_RETURN(const auto response,
                     Invoke<v1::PlanChangesResponse>(
                         &changes_, "/carillon.v1.ClusterService/PlanChanges", request));
    return FromMessage(response);
  }

  StatusOr<StateVersion> Commit(const std::string& plan_id) override {
    v1::CommitPlanRequest request;
    request.set_plan_id(plan_id);
    return Change<v1::CommitPlanResponse>("/carillon.v1.ClusterService/CommitPlan", request);
  }

  StatusOr<StateVersion> Pause(bool pause) override {
    v1::PauseMovesRequest request;
    request.set_pause(pause);
    return Change<v1::PauseMovesResponse>("/carillon.v1.ClusterService/PauseMoves", request);
  }

  StatusOr<StateVersion> AbortMoves() override {
    return Change<v1::AbortMovesResponse>("/carillon.v1.ClusterService/AbortMoves",
                                          v1::AbortMovesRequest());
  }

  StatusOr<Recovered> ForceRecover(const std::vector<std::string>& survivors) override {
    v1::ForceRecoverRequest request;
    for (const std::string& survivor : survivors) request.add_survivors(survivor);
    ASSIGN_OR_RETURN(const auto response,
                     Invoke<v1::ForceRecoverResponse>(
                         &changes_, "/carillon.v1.ClusterService/ForceRecover", request));
    Recovered recovered{.version = StateVersion(response.state_version()),
                        .generation = response.generation(),
                        .lost = {}};
    for (const std::uint32_t partition : response.lost_partitions()) {
      recovered.lost.emplace_back(static_cast<std::uint16_t>(partition));
    }
    return recovered;
  }

 private:
  template <typename Response, typename Request>
  StatusOr<StateVersion> Change(const char* method, const Request& request) {
    ASSIGN_OR_RETURN(const auto response, Invoke<Response>(&changes_, method, request));
    return StateVersion(response.state_version());
  }

  RingView view_;
  UnaryCalls looks_;
  UnaryCalls changes_;
};

}  // namespace

StatusOr<std::unique_ptr<ClusterAdmin>> ClusterAdmin::Connect(ClientOptions options) {
  ASSIGN_OR_RETURN(options.endpoints,
                   ParseEndpoints(fmt::format("{}", fmt::join(options.endpoints, ","))));
  options.ring_aware = false;  // whom an admin asks is whose view he gets
  return std::make_unique<GrpcClusterAdmin>(options);
}

}  // namespace carillon
