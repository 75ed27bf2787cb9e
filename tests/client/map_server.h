#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <grpcpp/server.h>

#include "carillon/v1/cluster.grpc.pb.h"
#include "carillon/v1/events.grpc.pb.h"

#include "base/chunk_info.h"
#include "base/claim.h"

namespace carillon {

// What the servers of one cluster share: every node lists and, plainly, reads all of it.
struct MapCluster {
  std::mutex mutex;
  std::map<std::string, std::string> values;
  std::map<std::pair<std::uint64_t, std::string>, std::vector<v1::ChunkInfo>> manifests;
  std::map<std::string, std::string> claims;  // owner by id, of all buckets
};

// The events service over a std::map, behind real gRPC on loopback, that can be told to fail: what
// the client is tried against. It speaks through protobuf's own classes. A server gives chunks that
// were put at it, and says of all others that there are none. Seconds of odd epochs are complete.
class MapServer final : private v1::EventsService::Service, private v1::ClusterService::Service {
 public:
  explicit MapServer(std::shared_ptr<MapCluster> cluster = std::make_shared<MapCluster>());
  ~MapServer() override;

  std::string endpoint() const { return "127.0.0.1:" + std::to_string(port_); }
  void Stop();

  // Each call takes the next of these as its answer, until none is left.
  void FailNext(std::vector<grpc::Status> answers);
  // Breaks each stream with UNAVAILABLE after so many messages, as often as there are counts.
  void BreakStreamsAfter(std::vector<int> messages);
  // One bit of every value is flipped on its way out.
  void DamageValues();
  // Held calls of PutChunk, or GetChunks, end when Release is called.
  void HoldPuts();
  void HoldGets();
  void Release();
  // From now on it has this state: names its version in answers, refuses a route under an older
  // one with FAILED_PRECONDITION and one under a newer with UNAVAILABLE. Without: no such call.
  void SetState(v1::GetClusterStateResponse state);
  void ListAtMost(std::size_t chunks);  // a page

  int calls() const;                                  // a chunk of a batch counts as one
  std::map<std::string, std::string> values() const;  // by key
  std::vector<v1::CommitSecondRequest> commits() const;
  void Preload(const ChunkKey& key, const std::string& value);
  std::vector<std::string> keys_asked() const;  // of GetChunks, since the start
  int range_reads() const;
  int state_reads() const;

 private:
  grpc::Status PutChunk(grpc::ServerContext*, const v1::PutChunkRequest*,
                        v1::PutChunkResponse*) override;
  grpc::Status CommitSecond(grpc::ServerContext*, const v1::CommitSecondRequest*,
                            v1::CommitSecondResponse*) override;
  grpc::Status Claim(grpc::ServerContext*, const v1::ClaimRequest*, v1::ClaimResponse*) override;
  grpc::Status ListSeconds(grpc::ServerContext*, const v1::ListSecondsRequest*,
                           v1::ListSecondsResponse*) override;
  grpc::Status GetChunks(grpc::ServerContext*, const v1::GetChunksRequest*,
                         grpc::ServerWriter<v1::GetChunksResponse>*) override;
  grpc::Status ReadRange(grpc::ServerContext*, const v1::ReadRangeRequest*,
                         grpc::ServerWriter<v1::ReadRangeResponse>*) override;
  grpc::Status GetClusterState(grpc::ServerContext*, const v1::GetClusterStateRequest*,
                               v1::GetClusterStateResponse*) override;
  grpc::Status SetBucket(grpc::ServerContext*, const v1::SetBucketRequest*,
                         v1::SetBucketResponse*) override;

  grpc::Status Begin();
  // With mutex_ held.
  grpc::Status CheckRoute(const v1::Route& route) const;
  // -1: does not break.
  int TakeBreak();
  std::string OnTheWire(std::string value) const;

  mutable std::mutex mutex_;
  std::condition_variable released_;
  std::map<std::string, std::string> values_;
  std::vector<v1::CommitSecondRequest> commits_;
  const std::shared_ptr<MapCluster> cluster_;
  std::optional<v1::GetClusterStateResponse> state_;
  std::vector<std::string> keys_asked_;
  std::size_t page_chunks_ = 10'000;
  int range_reads_ = 0;
  int state_reads_ = 0;
  std::vector<grpc::Status> answers_;
  std::vector<int> breaks_;
  bool damage_ = false;
  bool held_ = false;
  bool gets_held_ = false;
  int calls_ = 0;
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace carillon
