#include "client/grpc_client.h"

#include <algorithm>
#include <future>
#include <thread>
#include <utility>

#include <fmt/ranges.h>

#include "base/checksum.h"
#include "client/chunk_feed.h"
#include "client/conversion.h"
#include "client/grpc_range_stream.h"
#include "client/messages.h"
#include "client/ring_range_stream.h"
#include "proto/wire.h"

namespace carillon {

StatusOr<std::unique_ptr<Client>> Client::Connect(ClientOptions options) {
  ASSIGN_OR_RETURN(options.endpoints,
                   ParseEndpoints(fmt::format("{}", fmt::join(options.endpoints, ","))));
  return std::make_unique<GrpcClient>(std::move(options));
}

namespace {

// Waits for the ring at its first use: until then it is not known which read is the better one.
class LazyRangeStream final : public RangeStream {
 public:
  LazyRangeStream(UnaryCalls* calls, const ClientOptions& options, RangeQuery query)
      : calls_(calls), options_(options), query_(std::move(query)) {}

  StatusOr<std::optional<RangeItem>> Next() override {
    if (!stream_) stream_ = Open();
    return stream_->Next();
  }

 private:
  std::unique_ptr<RangeStream> Open() {
    calls_->view()->WaitUntilReady();
    if (calls_->view()->ring()) {
      return std::make_unique<RingRangeStream>(calls_, options_, query_);
    }
    return std::make_unique<GrpcRangeStream>(calls_->view(), options_, query_);
  }

  UnaryCalls* const calls_;
  const ClientOptions options_;
  const RangeQuery query_;
  std::unique_ptr<RangeStream> stream_;
};

// What a value of the bucket takes in a window when nothing is known of it.
std::size_t ExpectedBytes(const Router::Ring& ring, const std::string& bucket) {
  if (!ring) return 0;  // one stream for all
  const BucketProperties* properties = ring->FindBucket(bucket);
  return (properties == nullptr ? BucketProperties() : *properties).max_chunk_bytes / 4;
}

// For one attempt that must not wait long: what it does not get is asked for in another way.
ClientOptions OneQuickAttempt(ClientOptions options) {
  options.retry.max_attempts = 1;
  options.attempt_timeout = std::min(options.attempt_timeout, ChunkBatch::kFirstPatience);
  return options;
}

// Alone, with all that UnaryCalls does: also by a newer ring.
bool MayBeTriedAgain(const Status& status) {
  return IsRetryable(status) || status.code() == StatusCode::kFailedPrecondition;
}

}  // namespace

GrpcClient::GrpcClient(ClientOptions options)
    : options_(std::move(options)),
      view_(options_),
      calls_(&view_, options_),
      first_gets_(&view_, OneQuickAttempt(options_)),
      small_puts_(&view_, std::min(options_.attempt_timeout, options_.timeout / 2)) {}

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
  const std::uint32_t crc = Crc32c(value.view());
  if (value.size() > PutBatches::kMaxValueBytes) {
    return PutAlone(bucket, ToString(key), crc, std::move(value), std::move(done), {});
  }
  PutSmall(bucket, ToString(key), crc, std::move(value), std::move(done));
}

// With others; and what fails so that it may be tried again is tried alone.
void GrpcClient::PutSmall(const std::string& bucket, std::string key, std::uint32_t crc,
                          SharedBytes value, std::function<void(StatusOr<PutReply>)> done) {
  SmallPut put{.bucket = bucket, .key = key, .crc = crc, .value = value, .done = {}};
  put.done = [this, bucket, key = std::move(key), crc, value = std::move(value),
              done = std::move(done),
              past = UnaryCalls::Past{.attempts = 1}](StatusOr<PutReply> reply) mutable {
    if (reply.status().code() == StatusCode::kUnimplemented) {
      return PutAlone(bucket, std::move(key), crc, std::move(value), std::move(done), {});
    }
    if (reply.ok() || !MayBeTriedAgain(reply.status()) || options_.retry.max_attempts <= 1) {
      return done(std::move(reply));
    }
    view_.CountRetry(/*elsewhere=*/IsAway(reply.status()));
    past.failure = reply.status();
    PutAlone(bucket, std::move(key), crc, std::move(value), std::move(done), std::move(past));
  };
  small_puts_.Put(std::move(put));
}

void GrpcClient::PutAlone(const std::string& bucket, std::string key, std::uint32_t crc,
                          SharedBytes value, std::function<void(StatusOr<PutReply>)> done,
                          UnaryCalls::Past past) {
  wire::PutChunkRequest request{.bucket = bucket, .key = std::move(key)};
  request.value_crc = crc;
  request.value = Rope(std::move(value));
  Aim aim{.kind = Aim::Kind::kWrite, .bucket = bucket, .key = request.key};
  calls_.Start(
      "/carillon.v1.EventsService/PutChunk", std::move(aim),
      [request = std::move(request)](const Target& target) mutable {
        request.state_version = target.version.value();
        request.partition = target.partition.value();
        return wire::Encode(request);
      },
      [this, done = std::move(done)](StatusOr<UnaryCalls::Answer> answer) {
        auto response = ParseAnswer<v1::PutChunkResponse>(&view_, std::move(answer));
        if (!response.ok()) return done(response.status());
        done(FromMessage(*response));
      },
      std::move(past));
}

Status GrpcClient::CommitSecond(const Commit& commit) {
  std::promise<Status> promise;
  CommitSecondAsync(commit, [&promise](Status status) { promise.set_value(std::move(status)); });
  return promise.get_future().get();
}

void GrpcClient::CommitSecondAsync(const Commit& commit, std::function<void(Status)> done) {
  if (Status valid = Validate(commit); !valid.ok()) return done(std::move(valid));
  Aim aim{.kind = Aim::Kind::kWrite,
          .bucket = commit.bucket,
          .key = ManifestKey(commit.epoch, commit.dc)};
  calls_.Start(
      "/carillon.v1.EventsService/CommitSecond", std::move(aim),
      [message = ToMessage(commit)](const Target& target) mutable {
        message.mutable_route()->set_state_version(target.version.value());
        message.mutable_route()->set_partition(target.partition.value());
        return Serialize(message);
      },
      [this, done = std::move(done)](StatusOr<UnaryCalls::Answer> answer) {
        done(ParseAnswer<v1::CommitSecondResponse>(&view_, std::move(answer)).status());
      });
}

StatusOr<std::vector<ClaimVerdict>> GrpcClient::Claim(const ClaimOrder& order) {
  std::promise<StatusOr<std::vector<ClaimVerdict>>> promise;
  ClaimAsync(order, options_.timeout, [&promise](StatusOr<std::vector<ClaimVerdict>> verdicts) {
    promise.set_value(std::move(verdicts));
  });
  return promise.get_future().get();
}

// For any node: the ids have homes everywhere.
void GrpcClient::ClaimAsync(const ClaimOrder& order, Duration timeout,
                            std::function<void(StatusOr<std::vector<ClaimVerdict>>)> done) {
  if (Status valid = Validate(order); !valid.ok()) return done(std::move(valid));
  UnaryCalls::Past past;
  past.began -= options_.timeout - std::min(timeout, options_.timeout);
  calls_.Start(
      "/carillon.v1.EventsService/Claim", Aim{.kind = Aim::Kind::kAnyNode},
      [message = ToMessage(order)](const Target&) { return Serialize(message); },
      [this, wanted = order.ids.size(),
       done = std::move(done)](StatusOr<UnaryCalls::Answer> answer) {
        auto response = ParseAnswer<v1::ClaimResponse>(&view_, std::move(answer));
        if (!response.ok()) return done(response.status());
        done(FromMessage(*response, wanted));
      },
      std::move(past));
}

StatusOr<SecondsPage> GrpcClient::ListSeconds(const ListQuery& query) {
  ASSIGN_OR_RETURN(const auto response,
                   Invoke<v1::ListSecondsResponse>(
                       &calls_, "/carillon.v1.EventsService/ListSeconds", ToMessage(query)));
  return FromMessage(response);
}

// One quick call to the first home; a miss, a failure, or a node that is slow is looked into by
// GetChunks, which asks others too.
StatusOr<Bytes> GrpcClient::GetChunk(const std::string& bucket, const ChunkKey& key) {
  RETURN_IF_ERROR(Validate(key));
  view_.WaitUntilReady();
  const std::string name = ToString(key);
  v1::GetChunkRequest request;
  request.set_bucket(bucket);
  request.set_key(name);
  std::promise<StatusOr<UnaryCalls::Answer>> promise;
  first_gets_.Start(
      "/carillon.v1.EventsService/GetChunk",
      {.kind = Aim::Kind::kRead, .bucket = bucket, .key = name},
      [&request](const Target&) { return Serialize(request); },
      [&promise](StatusOr<UnaryCalls::Answer> answer) { promise.set_value(std::move(answer)); });
  const StatusOr<UnaryCalls::Answer> answer = promise.get_future().get();
  if (answer.ok()) {
    const auto found = wire::DecodeGetChunksResponse(answer->message);
    if (found.ok() && found->code == 0 && Crc32c(found->value) == found->value_crc) {
      return found->value.Flatten();
    }
  }
  StatusOr<Bytes> value = Internal("no answer");
  RETURN_IF_ERROR(GetChunks(bucket, {key}, [&value](const ChunkKey&, StatusOr<Bytes> found) {
    value = std::move(found);
  }));
  return value;
}

Status GrpcClient::GetChunks(const std::string& bucket, const std::vector<ChunkKey>& keys,
                             const std::function<void(const ChunkKey&, StatusOr<Bytes>)>& each) {
  if (keys.size() > kMaxKeysPerGet) {
    return InvalidArgument("{} keys in one call, at most {}", keys.size(), kMaxKeysPerGet);
  }
  for (const ChunkKey& key : keys) RETURN_IF_ERROR(Validate(key));
  view_.WaitUntilReady();
  const std::size_t expected_bytes = ExpectedBytes(view_.ring(), bucket);
  ChunkFeed feed(&view_, options_, bucket);
  for (const ChunkKey& key : keys) feed.Add(key, expected_bytes);
  for (std::size_t i = 0; i < keys.size(); ++i) {
    ASSIGN_OR_RETURN(ChunkAnswer answer, feed.Next());
    each(keys[i], std::move(answer.value));
  }
  return OkStatus();
}

std::unique_ptr<RangeStream> GrpcClient::ReadRange(const RangeQuery& query) {
  return std::make_unique<LazyRangeStream>(&calls_, options_, query);
}

StatusOr<std::vector<NamedBucket>> GrpcClient::ListBuckets() {
  ASSIGN_OR_RETURN(const auto response, Invoke<v1::ListBucketsResponse>(
                                            &calls_, "/carillon.v1.ClusterService/ListBuckets",
                                            v1::ListBucketsRequest()));
  std::vector<NamedBucket> buckets;
  for (const v1::Bucket& bucket : response.buckets()) buckets.push_back(FromMessage(bucket));
  return buckets;
}

// A write that follows carries the version that has the bucket, and no node takes it before it
// has that version too.
void GrpcClient::WaitForVersion(StateVersion version) {
  for (int i = 0; i < UnaryCalls::kMaxRefreshes; ++i) {
    const Router::Ring ring = view_.ring();
    if (!ring || ring->version >= version) return;
    std::promise<bool> refreshed;
    view_.Refresh("", [&refreshed](bool fetched) { refreshed.set_value(fetched); });
    if (!refreshed.get_future().get()) std::this_thread::sleep_for(RingView::kMinFetchInterval);
  }
}

StatusOr<NamedBucket> GrpcClient::CreateBucket(const std::string& name,
                                               const BucketChange& properties) {
  v1::CreateBucketRequest request;
  request.mutable_bucket()->set_name(name);
  *request.mutable_bucket()->mutable_properties() = ToMessage(properties);
  ASSIGN_OR_RETURN(const auto response,
                   Invoke<v1::CreateBucketResponse>(
                       &calls_, "/carillon.v1.ClusterService/CreateBucket", request));
  WaitForVersion(StateVersion(response.state_version()));
  return FromMessage(response.bucket());
}

StatusOr<NamedBucket> GrpcClient::SetBucket(const std::string& name, const BucketChange& change) {
  v1::SetBucketRequest request;
  request.mutable_bucket()->set_name(name);
  *request.mutable_bucket()->mutable_properties() = ToMessage(change);
  ASSIGN_OR_RETURN(
      const auto response,
      Invoke<v1::SetBucketResponse>(&calls_, "/carillon.v1.ClusterService/SetBucket", request));
  WaitForVersion(StateVersion(response.state_version()));
  return FromMessage(response.bucket());
}

}  // namespace carillon
