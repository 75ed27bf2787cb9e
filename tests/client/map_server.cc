#include "tests/client/map_server.h"

#include <chrono>
#include <utility>

#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server_builder.h>

#include "base/checksum.h"

namespace carillon {

MapServer::MapServer(std::shared_ptr<MapCluster> cluster) : cluster_(std::move(cluster)) {
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port_);
  builder.SetMaxReceiveMessageSize(16 << 20);
  builder.RegisterService(static_cast<v1::EventsService::Service*>(this));
  builder.RegisterService(static_cast<v1::ClusterService::Service*>(this));
  server_ = builder.BuildAndStart();
}

MapServer::~MapServer() {
  Stop();
}

void MapServer::Stop() {
  Release();
  if (server_) server_->Shutdown(std::chrono::system_clock::now());
  server_.reset();
}

void MapServer::FailNext(std::vector<grpc::Status> answers) {
  const std::lock_guard lock(mutex_);
  answers_ = std::move(answers);
}
void MapServer::BreakStreamsAfter(std::vector<int> messages) {
  const std::lock_guard lock(mutex_);
  breaks_ = std::move(messages);
}
void MapServer::DamageValues() {
  const std::lock_guard lock(mutex_);
  damage_ = true;
}
void MapServer::HoldPuts() {
  const std::lock_guard lock(mutex_);
  held_ = true;
}
void MapServer::HoldGets() {
  const std::lock_guard lock(mutex_);
  gets_held_ = true;
}
void MapServer::SetState(v1::GetClusterStateResponse state) {
  const std::lock_guard lock(mutex_);
  state_ = std::move(state);
}
void MapServer::ListAtMost(std::size_t chunks) {
  const std::lock_guard lock(mutex_);
  page_chunks_ = chunks;
}
std::vector<std::string> MapServer::keys_asked() const {
  const std::lock_guard lock(mutex_);
  return keys_asked_;
}
int MapServer::range_reads() const {
  const std::lock_guard lock(mutex_);
  return range_reads_;
}
int MapServer::state_reads() const {
  const std::lock_guard lock(mutex_);
  return state_reads_;
}
void MapServer::Release() {
  const std::lock_guard lock(mutex_);
  held_ = false;
  gets_held_ = false;
  released_.notify_all();
}
int MapServer::calls() const {
  const std::lock_guard lock(mutex_);
  return calls_;
}
std::map<std::string, std::string> MapServer::values() const {
  const std::lock_guard lock(mutex_);
  return values_;
}
std::vector<v1::CommitSecondRequest> MapServer::commits() const {
  const std::lock_guard lock(mutex_);
  return commits_;
}
void MapServer::Preload(const ChunkKey& key, const std::string& value) {
  const std::lock_guard lock(mutex_);
  values_[ToString(key)] = value;
  const std::lock_guard cluster_lock(cluster_->mutex);
  cluster_->values[ToString(key)] = value;
}

grpc::Status MapServer::CheckRoute(const v1::Route& route) const {
  if (!state_ || route.state_version() == 0) return grpc::Status::OK;
  if (route.state_version() > state_->version()) {
    return {grpc::StatusCode::UNAVAILABLE, "this node is behind"};
  }
  if (route.state_version() == state_->version()) return grpc::Status::OK;
  return {grpc::StatusCode::FAILED_PRECONDITION, "stale route"};
}

grpc::Status MapServer::Begin() {
  const std::lock_guard lock(mutex_);
  ++calls_;
  if (answers_.empty()) return grpc::Status::OK;
  grpc::Status answer = answers_.front();
  answers_.erase(answers_.begin());
  return answer;
}

int MapServer::TakeBreak() {
  const std::lock_guard lock(mutex_);
  if (breaks_.empty()) return -1;
  const int messages = breaks_.front();
  breaks_.erase(breaks_.begin());
  return messages;
}

std::string MapServer::OnTheWire(std::string value) const {
  if (damage_ && !value.empty()) value[value.size() / 2] ^= 1;
  return value;
}

grpc::Status MapServer::PutChunk(grpc::ServerContext*, const v1::PutChunkRequest* request,
                                 v1::PutChunkResponse* response) {
  if (const grpc::Status begin = Begin(); !begin.ok()) return begin;
  std::unique_lock lock(mutex_);
  released_.wait(lock, [this] { return !held_; });
  if (Crc32c(request->value()) != request->value_crc32c()) {
    return {grpc::StatusCode::INVALID_ARGUMENT, "crc"};
  }
  if (const grpc::Status route = CheckRoute(request->route()); !route.ok()) return route;
  if (state_) response->set_state_version(state_->version());
  const auto [at, is_new] = values_.try_emplace(request->key(), request->value());
  if (at->second != request->value()) return {grpc::StatusCode::ALREADY_EXISTS, request->key()};
  {
    const std::lock_guard cluster_lock(cluster_->mutex);
    cluster_->values[request->key()] = request->value();
  }
  response->set_already_stored(!is_new);
  response->mutable_cost()->set_replicas_written(1);
  return grpc::Status::OK;
}

grpc::Status MapServer::CommitSecond(grpc::ServerContext*, const v1::CommitSecondRequest* request,
                                     v1::CommitSecondResponse* response) {
  if (const grpc::Status begin = Begin(); !begin.ok()) return begin;
  const std::lock_guard lock(mutex_);
  if (const grpc::Status route = CheckRoute(request->route()); !route.ok()) return route;
  if (state_) response->set_state_version(state_->version());
  const std::lock_guard cluster_lock(cluster_->mutex);
  for (const v1::ChunkInfo& chunk : request->chunks()) {
    if (!cluster_->values.contains(chunk.key())) {
      return {grpc::StatusCode::FAILED_PRECONDITION, "not stored: " + chunk.key()};
    }
  }
  commits_.push_back(*request);
  auto& manifest = cluster_->manifests[{request->epoch(), request->dc()}];
  manifest.insert(manifest.end(), request->chunks().begin(), request->chunks().end());
  return grpc::Status::OK;
}

grpc::Status MapServer::Claim(grpc::ServerContext*, const v1::ClaimRequest* request,
                              v1::ClaimResponse* response) {
  if (const grpc::Status begin = Begin(); !begin.ok()) return begin;
  const std::lock_guard lock(mutex_);
  if (state_) response->set_state_version(state_->version());
  const std::lock_guard cluster_lock(cluster_->mutex);
  for (std::size_t at = 0; at < request->ids().size(); at += kClaimIdBytes) {
    const auto claim =
        cluster_->claims.emplace(request->ids().substr(at, kClaimIdBytes), request->owner()).first;
    response->add_verdicts(claim->second == request->owner() ? v1::CLAIM_VERDICT_MINE
                                                             : v1::CLAIM_VERDICT_TAKEN);
  }
  return grpc::Status::OK;
}

grpc::Status MapServer::ListSeconds(grpc::ServerContext*, const v1::ListSecondsRequest* request,
                                    v1::ListSecondsResponse* response) {
  if (const grpc::Status begin = Begin(); !begin.ok()) return begin;
  const std::lock_guard lock(mutex_);
  if (state_) response->set_state_version(state_->version());
  const std::lock_guard cluster_lock(cluster_->mutex);
  std::size_t chunks_listed = 0;
  std::uint64_t last = 0;
  for (const auto& [at, chunks] : cluster_->manifests) {
    if (at.first < request->from() || at.first >= request->to()) continue;
    if (chunks_listed >= page_chunks_ && at.first != last) {
      response->set_next_from(last + 1);
      return grpc::Status::OK;
    }
    last = at.first;
    chunks_listed += chunks.size();
    v1::Second* second = response->add_seconds();
    second->set_epoch(at.first);
    second->set_dc(at.second);
    second->set_complete(at.first % 2 == 1);
    for (const v1::ChunkInfo& chunk : chunks) *second->add_chunks() = chunk;
  }
  response->set_next_from(request->to());
  return grpc::Status::OK;
}

grpc::Status MapServer::GetChunks(grpc::ServerContext*, const v1::GetChunksRequest* request,
                                  grpc::ServerWriter<v1::GetChunksResponse>* writer) {
  if (const grpc::Status begin = Begin(); !begin.ok()) return begin;
  int left = TakeBreak();
  {
    std::unique_lock lock(mutex_);
    keys_asked_.insert(keys_asked_.end(), request->keys().begin(), request->keys().end());
    released_.wait(lock, [this] { return !gets_held_; });
  }
  for (const std::string& key : request->keys()) {
    if (left-- == 0) return {grpc::StatusCode::UNAVAILABLE, "broken"};
    v1::GetChunksResponse response;
    response.set_key(key);
    {
      const std::lock_guard lock(mutex_);
      const auto found = values_.find(key);
      if (found == values_.end()) {
        response.set_code(grpc::StatusCode::NOT_FOUND);
        response.set_message("no such chunk");
      } else {
        response.set_value_crc32c(Crc32c(found->second));
        response.set_value(OnTheWire(found->second));
      }
    }
    if (!writer->Write(response)) break;
  }
  return grpc::Status::OK;
}

grpc::Status MapServer::ReadRange(grpc::ServerContext*, const v1::ReadRangeRequest* request,
                                  grpc::ServerWriter<v1::ReadRangeResponse>* writer) {
  if (const grpc::Status begin = Begin(); !begin.ok()) return begin;
  int left = TakeBreak();
  std::unique_lock lock(mutex_);
  ++range_reads_;
  lock.unlock();
  std::unique_lock cluster_lock(cluster_->mutex);
  const auto manifests = cluster_->manifests;
  const auto values = cluster_->values;
  cluster_lock.unlock();
  for (const auto& [at, chunks] : manifests) {
    if (at.first < request->from() || at.first >= request->to()) continue;
    for (const v1::ChunkInfo& chunk : chunks) {
      if (left-- == 0) return {grpc::StatusCode::UNAVAILABLE, "broken"};
      v1::ReadRangeResponse response;
      *response.mutable_chunk() = chunk;
      response.set_value(OnTheWire(values.at(chunk.key())));
      writer->Write(response);
    }
    if (left-- == 0) return {grpc::StatusCode::UNAVAILABLE, "broken"};
    v1::ReadRangeResponse end;
    end.set_epoch(at.first);
    end.set_dc(at.second);
    end.set_complete(at.first % 2 == 1);
    writer->Write(end);
  }
  return grpc::Status::OK;
}

grpc::Status MapServer::GetClusterState(grpc::ServerContext*,
                                        const v1::GetClusterStateRequest* request,
                                        v1::GetClusterStateResponse* response) {
  const std::lock_guard lock(mutex_);
  ++state_reads_;
  if (!state_) return {grpc::StatusCode::UNIMPLEMENTED, "no state"};
  if (request->known_version() == state_->version()) {
    response->set_version(state_->version());
    response->set_unchanged(true);
  } else {
    *response = *state_;
  }
  return grpc::Status::OK;
}

grpc::Status MapServer::SetBucket(grpc::ServerContext*, const v1::SetBucketRequest* request,
                                  v1::SetBucketResponse* response) {
  if (const grpc::Status begin = Begin(); !begin.ok()) return begin;
  *response->mutable_bucket() = request->bucket();
  return grpc::Status::OK;
}

}  // namespace carillon
