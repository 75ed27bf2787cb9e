#include "server/http/buckets_route.h"

#include "server/http/bucket_json.h"
#include "server/http/problem_json.h"
#include "server/http/query_string.h"

namespace carillon {
namespace {

HttpResponse BucketResponse(const Answer& answer, int http_status) {
  if (!answer.status.ok()) return Problem(answer.status);
  const auto& bucket = std::get<BucketAnswer>(answer.value);
  HttpResponse response =
      TextResponse(kJsonType, BucketJson(bucket.name, bucket.properties) + "\n");
  response.status = http_status;
  return response;
}

void SetBucket(NodeLoop* node, const std::string& name, const BucketChange& change, Reply reply) {
  const RequestId id = node->NewRequest();
  node->Ask(
      id, SetBucketInput{.request = id, .name = name, .change = change, .deadline = {}},
      [reply = std::move(reply)](const Answer& answer) { reply(BucketResponse(answer, 200)); });
}

// Somebody else may create it first: then it is changed.
void CreateBucket(NodeLoop* node, const std::string& name, const BucketChange& change,
                  Reply reply) {
  const RequestId id = node->NewRequest();
  node->Ask(id,
            CreateBucketInput{.request = id, .name = name, .properties = change, .deadline = {}},
            [node, name, change, reply = std::move(reply)](const Answer& answer) {
              if (answer.status.code() == StatusCode::kAlreadyExists) {
                return SetBucket(node, name, change, reply);
              }
              reply(BucketResponse(answer, 201));
            });
}

}  // namespace

void HandleListBuckets(const RouteContext& context, HttpRequest request, Reply reply) {
  const auto query = QueryString::Parse(request.query, {});
  if (!query.ok()) return reply(Problem(query.status()));
  std::string out = R"({"buckets":[)";
  const SharedState shared = context.core->node()->state();
  const ClusterState& state = *shared;
  for (const auto& [name, properties] : state.buckets) {
    if (out.back() == '}') out.push_back(',');
    out.append(BucketJson(name, properties));
  }
  out.append("]}\n");
  reply(TextResponse(kJsonType, std::move(out)));
}

void HandleGetBucket(const RouteContext& context, HttpRequest request, Reply reply) {
  const auto query = QueryString::Parse(request.query, {});
  if (!query.ok()) return reply(Problem(query.status()));
  const SharedState shared = context.core->node()->state();
  const ClusterState& state = *shared;
  const BucketProperties* bucket = state.FindBucket(request.parameter);
  if (bucket == nullptr) return reply(Problem(NotFound("no bucket '{}'", request.parameter)));
  reply(TextResponse(kJsonType, BucketJson(request.parameter, *bucket) + "\n"));
}

void HandlePutBucket(const RouteContext& context, HttpRequest request, Reply reply) {
  const auto query = QueryString::Parse(request.query, {});
  if (!query.ok()) return reply(Problem(query.status()));
  if (const Status name = CheckName("bucket", request.parameter); !name.ok()) {
    return reply(Problem(name));
  }
  const auto change = ParseBucketJson(request.body);
  if (!change.ok()) return reply(Problem(change.status()));
  NodeLoop* node = context.core->node();
  if (node->state()->FindBucket(request.parameter) != nullptr) {
    return SetBucket(node, request.parameter, *change, std::move(reply));
  }
  CreateBucket(node, request.parameter, *change, std::move(reply));
}

}  // namespace carillon
