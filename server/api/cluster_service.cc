#include "server/api/cluster_service.h"

#include "server/api/codec.h"
#include "server/api/ring_codec.h"
#include "server/api/unary_call.h"

namespace carillon {
namespace {

// Fills a bucket's answer and ends the call.
template <typename Response>
auto AnswerBucket(UnaryCall call, Response* response) {
  return [call, response](const Answer& answer) {
    if (const auto* bucket = std::get_if<BucketAnswer>(&answer.value)) {
      ToProto(bucket->name, bucket->properties, response->mutable_bucket());
      response->set_state_version(answer.version.value());
    }
    call.Finish(answer.status);
  };
}

}  // namespace

grpc::ServerUnaryReactor* ClusterService::GetClusterState(grpc::CallbackServerContext* context,
                                                          const v1::GetClusterStateRequest* request,
                                                          v1::GetClusterStateResponse* response) {
  const UnaryCall call("GetClusterState", context, metrics_);
  const SharedState state = node_->state();
  if (request->known_version() == state->version.value()) {
    response->set_version(state->version.value());
    response->set_unchanged(true);
  } else {
    ToProto(*state, response);
  }
  return call.Finish(OkStatus());
}

grpc::ServerUnaryReactor* ClusterService::ListBuckets(grpc::CallbackServerContext* context,
                                                      const v1::ListBucketsRequest* /*request*/,
                                                      v1::ListBucketsResponse* response) {
  const UnaryCall call("ListBuckets", context, metrics_);
  const SharedState shared = node_->state();
  const ClusterState& state = *shared;
  for (const auto& [name, properties] : state.buckets) {
    ToProto(name, properties, response->add_buckets());
  }
  response->set_state_version(state.version.value());
  return call.Finish(OkStatus());
}

grpc::ServerUnaryReactor* ClusterService::CreateBucket(grpc::CallbackServerContext* context,
                                                       const v1::CreateBucketRequest* request,
                                                       v1::CreateBucketResponse* response) {
  const UnaryCall call("CreateBucket", context, metrics_);
  const auto properties = FromProto(request->bucket().properties());
  if (!properties.ok()) return call.Finish(properties.status());
  const RequestId id = node_->NewRequest();
  node_->Ask(id,
             CreateBucketInput{.request = id,
                               .name = request->bucket().name(),
                               .properties = *properties,
                               .deadline = call.AnswerBy()},
             AnswerBucket(call, response));
  return call.reactor();
}

grpc::ServerUnaryReactor* ClusterService::SetBucket(grpc::CallbackServerContext* context,
                                                    const v1::SetBucketRequest* request,
                                                    v1::SetBucketResponse* response) {
  const UnaryCall call("SetBucket", context, metrics_);
  const auto change = FromProto(request->bucket().properties());
  if (!change.ok()) return call.Finish(change.status());
  const RequestId id = node_->NewRequest();
  node_->Ask(id,
             SetBucketInput{.request = id,
                            .name = request->bucket().name(),
                            .change = *change,
                            .deadline = call.AnswerBy()},
             AnswerBucket(call, response));
  return call.reactor();
}

grpc::ServerUnaryReactor* ClusterService::GetMetrics(grpc::CallbackServerContext* context,
                                                     const v1::GetMetricsRequest* /*request*/,
                                                     v1::GetMetricsResponse* response) {
  const UnaryCall call("GetMetrics", context, metrics_);
  response->set_text(metrics_->Render());
  return call.Finish(OkStatus());
}

}  // namespace carillon
