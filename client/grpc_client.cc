#include "client/grpc_client.h"

#include <future>
#include <utility>

#include <fmt/ranges.h>

#include "base/checksum.h"
#include "client/chunk_reader.h"
#include "client/conversion.h"
#include "client/grpc_range_stream.h"
#include "client/messages.h"
#include "proto/byte_buffer.h"
#include "proto/wire.h"

namespace carillon {

StatusOr<std::unique_ptr<Client>> Client::Connect(ClientOptions options) {
  ASSIGN_OR_RETURN(options.endpoints,
                   ParseEndpoints(fmt::format("{}", fmt::join(options.endpoints, ","))));
  return std::make_unique<GrpcClient>(std::move(options));
}

GrpcClient::GrpcClient(ClientOptions options)
    : options_(std::move(options)), pool_(options_.endpoints), calls_(&pool_, options_) {}

StatusOr<PutReply> GrpcClient::PutChunk(const std::string& bucket, const ChunkKey& key,
                                        SharedBytes value) {
  std::promise<StatusOr<PutReply>> promise;
  PutChunkAsync(bucket, key, std::move(value),
                [&promise](StatusOr<PutReply> reply) { promise.set_value(std::move(reply)); });
  return promise.get_future().get();
}

void GrpcClient::PutChunkAsync(const std::string& bucket, const ChunkKey& key, SharedBytes value,
                               std::function<void(StatusOr<PutReply>)> done) {
  if (Status valid = Validate(key); !valid.ok()) return done(std::move(valid));
  wire::PutChunkRequest request{.bucket = bucket, .key = ToString(key)};
  request.value_crc = Crc32c(value.view());
  request.value = Rope(std::move(value));
  calls_.Start("/carillon.v1.EventsService/PutChunk", ToByteBuffer(wire::Encode(request)),
               [done = std::move(done)](StatusOr<grpc::ByteBuffer> answer) {
                 auto response = Parse<v1::PutChunkResponse>(std::move(answer));
                 if (!response.ok()) return done(response.status());
                 done(FromMessage(*response));
               });
}

Status GrpcClient::CommitSecond(const Commit& commit) {
  std::promise<Status> promise;
  CommitSecondAsync(commit, [&promise](Status status) { promise.set_value(std::move(status)); });
  return promise.get_future().get();
}

void GrpcClient::CommitSecondAsync(const Commit& commit, std::function<void(Status)> done) {
  if (Status valid = Validate(commit); !valid.ok()) return done(std::move(valid));
  calls_.Start("/carillon.v1.EventsService/CommitSecond", Serialize(ToMessage(commit)),
               [done = std::move(done)](StatusOr<grpc::ByteBuffer> answer) {
                 done(Parse<v1::CommitSecondResponse>(std::move(answer)).status());
               });
}

StatusOr<SecondsPage> GrpcClient::ListSeconds(const ListQuery& query) {
  ASSIGN_OR_RETURN(const auto response,
                   Invoke<v1::ListSecondsResponse>(
                       &calls_, "/carillon.v1.EventsService/ListSeconds", ToMessage(query)));
  return FromMessage(response);
}

StatusOr<Bytes> GrpcClient::GetChunk(const std::string& bucket, const ChunkKey& key) {
  StatusOr<Bytes> value = Internal("no answer");
  RETURN_IF_ERROR(GetChunks(bucket, {key}, [&value](const ChunkKey&, StatusOr<Bytes> answer) {
    value = std::move(answer);
  }));
  return value;
}

Status GrpcClient::GetChunks(const std::string& bucket, const std::vector<ChunkKey>& keys,
                             const std::function<void(const ChunkKey&, StatusOr<Bytes>)>& each) {
  return ReadChunks(&pool_, options_, bucket, keys, each);
}

std::unique_ptr<RangeStream> GrpcClient::ReadRange(const RangeQuery& query) {
  return std::make_unique<GrpcRangeStream>(&pool_, options_, query);
}

StatusOr<std::vector<NamedBucket>> GrpcClient::ListBuckets() {
  ASSIGN_OR_RETURN(const auto response, Invoke<v1::ListBucketsResponse>(
                                            &calls_, "/carillon.v1.ClusterService/ListBuckets",
                                            v1::ListBucketsRequest()));
  std::vector<NamedBucket> buckets;
  for (const v1::Bucket& bucket : response.buckets()) buckets.push_back(FromMessage(bucket));
  return buckets;
}

StatusOr<NamedBucket> GrpcClient::CreateBucket(const std::string& name,
                                               const BucketChange& properties) {
  v1::CreateBucketRequest request;
  request.mutable_bucket()->set_name(name);
  *request.mutable_bucket()->mutable_properties() = ToMessage(properties);
  ASSIGN_OR_RETURN(const auto response,
                   Invoke<v1::CreateBucketResponse>(
                       &calls_, "/carillon.v1.ClusterService/CreateBucket", request));
  return FromMessage(response.bucket());
}

StatusOr<NamedBucket> GrpcClient::SetBucket(const std::string& name, const BucketChange& change) {
  v1::SetBucketRequest request;
  request.mutable_bucket()->set_name(name);
  *request.mutable_bucket()->mutable_properties() = ToMessage(change);
  ASSIGN_OR_RETURN(
      const auto response,
      Invoke<v1::SetBucketResponse>(&calls_, "/carillon.v1.ClusterService/SetBucket", request));
  return FromMessage(response.bucket());
}

}  // namespace carillon
