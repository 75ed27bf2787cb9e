#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "client/client.h"
#include "client/put_batches.h"
#include "client/ring_view.h"
#include "client/unary_calls.h"

namespace carillon {

// The Client that speaks to nodes, by frames and gRPC: translates, and leaves whom to ask to
// RingView and trying again to UnaryCalls, ChunkBatch, and RetryingStream. Range streams must end
// before it does.
class GrpcClient final : public Client {
 public:
  // Requires: well-formed endpoints.
  explicit GrpcClient(ClientOptions options);

  StatusOr<PutReply> PutChunk(const std::string& bucket, const ChunkKey& key,
                              SharedBytes value) override;
  void PutChunkAsync(const std::string& bucket, const ChunkKey& key, SharedBytes value,
                     std::function<void(StatusOr<PutReply>)> done) override;
  Status CommitSecond(const Commit& commit) override;
  void CommitSecondAsync(const Commit& commit, std::function<void(Status)> done) override;
  StatusOr<std::vector<ClaimVerdict>> Claim(const ClaimOrder& order) override;
  void ClaimAsync(const ClaimOrder& order, Duration timeout,
                  std::function<void(StatusOr<std::vector<ClaimVerdict>>)> done) override;
  StatusOr<SecondsPage> ListSeconds(const ListQuery& query) override;
  StatusOr<Bytes> GetChunk(const std::string& bucket, const ChunkKey& key) override;
  Status GetChunks(const std::string& bucket, const std::vector<ChunkKey>& keys,
                   const std::function<void(const ChunkKey&, StatusOr<Bytes>)>& each) override;
  std::unique_ptr<RangeStream> ReadRange(const RangeQuery& query) override;
  StatusOr<std::vector<NamedBucket>> ListBuckets() override;
  StatusOr<NamedBucket> CreateBucket(const std::string& name,
                                     const BucketChange& properties) override;
  StatusOr<NamedBucket> SetBucket(const std::string& name, const BucketChange& change) override;
  ClientCounters counters() const override { return view_.counters(); }

 private:
  void PutSmall(const std::string& bucket, std::string key, std::uint32_t crc, SharedBytes value,
                std::function<void(StatusOr<PutReply>)> done);
  void PutAlone(const std::string& bucket, std::string key, std::uint32_t crc, SharedBytes value,
                std::function<void(StatusOr<PutReply>)> done, UnaryCalls::Past past);
  void WaitForVersion(StateVersion version);

  const ClientOptions options_;
  RingView view_;
  UnaryCalls calls_;
  UnaryCalls first_gets_;  // one attempt each
  PutBatches small_puts_;
};

}  // namespace carillon
