#include "collector/chunk_client.h"

#include <future>
#include <utility>

#include "crunch/chunk_codec.h"

namespace carillon {
namespace {

Status NotHere() {
  return Unimplemented("that is not asked of those that take chunks");
}

class NoRange final : public RangeStream {
 public:
  StatusOr<std::optional<RangeItem>> Next() override { return NotHere(); }
};

}  // namespace

StatusOr<PutReply> ChunkClient::PutChunk(const std::string& bucket, const ChunkKey& key,
                                         SharedBytes value) {
  std::promise<StatusOr<PutReply>> promise;
  PutChunkAsync(bucket, key, std::move(value),
                [&](StatusOr<PutReply> reply) { promise.set_value(std::move(reply)); });
  return promise.get_future().get();
}

Status ChunkClient::CheckTaken(const ChunkKey& key, std::string_view value) {
  if (DictionaryIdOf(value) == 0) return OkStatus();
  return Unimplemented("{} needs a dictionary of the ring: only the ring can take it",
                       ToString(key));
}

Status ChunkClient::CommitSecond(const Commit& /*commit*/) {
  return OkStatus();
}

void ChunkClient::CommitSecondAsync(const Commit& /*commit*/, std::function<void(Status)> done) {
  done(OkStatus());
}

StatusOr<std::vector<ClaimVerdict>> ChunkClient::Claim(const ClaimOrder& /*order*/) {
  return NotHere();
}
void ChunkClient::ClaimAsync(const ClaimOrder& /*order*/, Duration /*timeout*/,
                             std::function<void(StatusOr<std::vector<ClaimVerdict>>)> done) {
  done(NotHere());
}
StatusOr<SecondsPage> ChunkClient::ListSeconds(const ListQuery& /*query*/) {
  return NotHere();
}
StatusOr<Bytes> ChunkClient::GetChunk(const std::string& /*bucket*/, const ChunkKey& /*key*/) {
  return NotHere();
}
Status ChunkClient::GetChunks(
    const std::string& /*bucket*/, const std::vector<ChunkKey>& /*keys*/,
    const std::function<void(const ChunkKey&, StatusOr<Bytes>)>& /*each*/) {
  return NotHere();
}
std::unique_ptr<RangeStream> ChunkClient::ReadRange(const RangeQuery& /*query*/) {
  return std::make_unique<NoRange>();
}
StatusOr<std::vector<NamedBucket>> ChunkClient::ListBuckets() {
  return NotHere();
}
StatusOr<NamedBucket> ChunkClient::CreateBucket(const std::string& /*name*/,
                                                const BucketChange& /*properties*/) {
  return NotHere();
}
StatusOr<NamedBucket> ChunkClient::SetBucket(const std::string& /*name*/,
                                             const BucketChange& /*change*/) {
  return NotHere();
}

}  // namespace carillon
