#pragma once

#include "carillon/v1/cluster.grpc.pb.h"
#include "server/shell/metrics.h"
#include "server/shell/node_loop.h"

namespace carillon {

// carillon.v1.ClusterService: what the cluster agreed on, and changes of its buckets, its tenants,
// and its ring.
// Threads: gRPC's.
class ClusterService final : public v1::ClusterService::CallbackService {
 public:
  // Both outlive the service.
  ClusterService(NodeLoop* node, Metrics* metrics) : node_(node), metrics_(metrics) {}

  grpc::ServerUnaryReactor* GetClusterState(grpc::CallbackServerContext* context,
                                            const v1::GetClusterStateRequest* request,
                                            v1::GetClusterStateResponse* response) override;
  grpc::ServerUnaryReactor* ListBuckets(grpc::CallbackServerContext* context,
                                        const v1::ListBucketsRequest* request,
                                        v1::ListBucketsResponse* response) override;
  grpc::ServerUnaryReactor* CreateBucket(grpc::CallbackServerContext* context,
                                         const v1::CreateBucketRequest* request,
                                         v1::CreateBucketResponse* response) override;
  grpc::ServerUnaryReactor* SetBucket(grpc::CallbackServerContext* context,
                                      const v1::SetBucketRequest* request,
                                      v1::SetBucketResponse* response) override;
  grpc::ServerUnaryReactor* GetMetrics(grpc::CallbackServerContext* context,
                                       const v1::GetMetricsRequest* request,
                                       v1::GetMetricsResponse* response) override;

  // ring_calls.cc
  grpc::ServerUnaryReactor* GetClusterView(grpc::CallbackServerContext* context,
                                           const v1::GetClusterViewRequest* request,
                                           v1::GetClusterViewResponse* response) override;
  grpc::ServerUnaryReactor* StageChange(grpc::CallbackServerContext* context,
                                        const v1::StageChangeRequest* request,
                                        v1::StageChangeResponse* response) override;
  grpc::ServerUnaryReactor* ClearStaged(grpc::CallbackServerContext* context,
                                        const v1::ClearStagedRequest* request,
                                        v1::ClearStagedResponse* response) override;
  grpc::ServerUnaryReactor* PlanChanges(grpc::CallbackServerContext* context,
                                        const v1::PlanChangesRequest* request,
                                        v1::PlanChangesResponse* response) override;
  grpc::ServerUnaryReactor* CommitPlan(grpc::CallbackServerContext* context,
                                       const v1::CommitPlanRequest* request,
                                       v1::CommitPlanResponse* response) override;
  grpc::ServerUnaryReactor* PauseMoves(grpc::CallbackServerContext* context,
                                       const v1::PauseMovesRequest* request,
                                       v1::PauseMovesResponse* response) override;
  grpc::ServerUnaryReactor* AbortMoves(grpc::CallbackServerContext* context,
                                       const v1::AbortMovesRequest* request,
                                       v1::AbortMovesResponse* response) override;
  grpc::ServerUnaryReactor* ForceRecover(grpc::CallbackServerContext* context,
                                         const v1::ForceRecoverRequest* request,
                                         v1::ForceRecoverResponse* response) override;
  grpc::ServerUnaryReactor* RepairNode(grpc::CallbackServerContext* context,
                                       const v1::RepairNodeRequest* request,
                                       v1::RepairNodeResponse* response) override;

  // tenant_calls.cc
  grpc::ServerUnaryReactor* ListTenants(grpc::CallbackServerContext* context,
                                        const v1::ListTenantsRequest* request,
                                        v1::ListTenantsResponse* response) override;
  grpc::ServerUnaryReactor* SetTenant(grpc::CallbackServerContext* context,
                                      const v1::SetTenantRequest* request,
                                      v1::SetTenantResponse* response) override;
  grpc::ServerUnaryReactor* RemoveTenant(grpc::CallbackServerContext* context,
                                         const v1::RemoveTenantRequest* request,
                                         v1::RemoveTenantResponse* response) override;
  grpc::ServerUnaryReactor* CreateKey(grpc::CallbackServerContext* context,
                                      const v1::CreateKeyRequest* request,
                                      v1::CreateKeyResponse* response) override;
  grpc::ServerUnaryReactor* RevokeKey(grpc::CallbackServerContext* context,
                                      const v1::RevokeKeyRequest* request,
                                      v1::RevokeKeyResponse* response) override;

 private:
  NodeLoop* node_;
  Metrics* metrics_;
};

}  // namespace carillon
