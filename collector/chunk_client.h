#pragma once

#include <memory>
#include <string>
#include <vector>

#include "client/client.h"

namespace carillon {

// What stands in the place of the ring's client for an agent that sends elsewhere: who has taken a
// chunk sees to the rest, so that there is nothing to commit; nothing else can be asked:
// UNIMPLEMENTED. Threads: as Client, but that `done` may be called at once, on the caller's.
class ChunkClient : public Client {
 public:
  // When somebody last answered, and whether the last one asked did.
  struct Contact {
    Instant answered{};  // the zero: never
    bool failing = false;
  };
  virtual Contact contact() const = 0;

  // Waits for PutChunkAsync.
  StatusOr<PutReply> PutChunk(const std::string& bucket, const ChunkKey& key,
                              SharedBytes value) override;
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
  ClientCounters counters() const override { return {}; }

 protected:
  // UNIMPLEMENTED: it needs a dictionary, which only the ring has.
  static Status CheckTaken(const ChunkKey& key, std::string_view value);
};

}  // namespace carillon
