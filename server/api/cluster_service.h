#pragma once

#include "carillon/v1/cluster.grpc.pb.h"
#include "server/shell/metrics.h"
#include "server/shell/node_loop.h"

namespace carillon {

// carillon.v1.ClusterService: what the cluster agreed on, and changes of its buckets. Threads:
// gRPC's.
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

 private:
  NodeLoop* node_;
  Metrics* metrics_;
};

}  // namespace carillon
