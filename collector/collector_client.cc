#include "collector/collector_client.h"

#include <utility>

#include "base/checksum.h"
#include "collector/dialects/native_chunk.h"

namespace carillon {
namespace {

constexpr char kChunksPath[] = "/v1/chunks/";
constexpr std::size_t kShownBytes = 200;

}  // namespace

Status StatusOfAnswer(const HttpAnswer& answer) {
  if (answer.status == 200 || answer.status == 201) return OkStatus();
  const std::string text = answer.body.substr(0, kShownBytes);
  switch (answer.status) {
    case 400:
      return InvalidArgument("{}", text);
    case 401:
    case 403:
      return MakeStatus(StatusCode::kPermissionDenied, text);
    case 429:
      return ResourceExhausted("{}", text);
    default:
      return Unavailable("status {}: {}", answer.status, text);
  }
}

StatusOr<std::unique_ptr<CollectorClient>> CollectorClient::Open(const SendConfig& config,
                                                                 std::size_t max_in_flight) {
  for (const std::string& url : config.to) {
    RETURN_IF_ERROR(Annotate(CheckPeerUrl(url), "send: to"));
  }
  ASSIGN_OR_RETURN(std::string key, ReadKeyFile(config.key_file, 1));
  return std::unique_ptr<CollectorClient>(
      new CollectorClient(config, std::move(key), max_in_flight));
}

CollectorClient::CollectorClient(const SendConfig& config, std::string key,
                                 std::size_t max_in_flight)
    : urls_(config.to),
      key_(std::move(key)),
      turn_(config.to.size()),
      pool_({.ca_file = config.ca_file, .max_connections = max_in_flight}) {}

CollectorClient::Contact CollectorClient::contact() const {
  const std::lock_guard lock(mutex_);
  return contact_;
}

void CollectorClient::PutChunkAsync(const std::string& /*bucket*/, const ChunkKey& key,
                                    SharedBytes value,
                                    std::function<void(StatusOr<PutReply>)> done) {
  Status status = CheckTaken(key, value.view());
  if (!status.ok()) return done(std::move(status));
  std::size_t peer = 0;
  {
    const std::lock_guard lock(mutex_);
    peer = turn_.Next(SystemClock().Now());
  }
  HttpRequest request{.method = "PUT",
                      .url = urls_[peer] + kChunksPath + ToString(key),
                      .headers = {"Content-Type: application/octet-stream",
                                  "Authorization: " + std::string(kBearer) + key_,
                                  fmt::format("{}: {:08x}", kChunkCrcHeader, Crc32c(value.view()))},
                      .body = std::move(value)};
  pool_.Send(std::move(request),
             [this, peer, done = std::move(done)](const StatusOr<HttpAnswer>& answer) {
               const Status status = HandleAnswer(peer, answer);
               status.ok() ? done(PutReply()) : done(status);
             });
}

Status CollectorClient::HandleAnswer(std::size_t peer, const StatusOr<HttpAnswer>& answer) {
  const Instant now = SystemClock().Now();
  const Status status = answer.ok() ? StatusOfAnswer(*answer) : answer.status();
  // One that takes nothing now (it stops, its spool is full) is passed over like one that is away.
  const bool failed = status.code() == StatusCode::kUnavailable;
  const std::lock_guard lock(mutex_);
  contact_.failing = failed;
  if (answer.ok()) contact_.answered = now;
  failed ? turn_.HandleFailure(peer, now) : turn_.HandleAnswer(peer);
  return Annotate(status, urls_[peer]);
}

}  // namespace carillon
