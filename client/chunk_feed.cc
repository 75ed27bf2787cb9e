#include "client/chunk_feed.h"

#include <utility>
#include <vector>

#include "base/check.h"

namespace carillon {

bool ChunkFeed::HasRoom() const {
  if (waiting_.empty()) return false;
  return open_.empty() || open_bytes_ + kBatchBytes <= kWindowBytes;
}

void ChunkFeed::OpenBatch() {
  std::vector<ChunkKey> keys;
  std::size_t bytes = 0;
  while (!waiting_.empty() && keys.size() < kMaxKeysPerGet) {
    if (!keys.empty() && bytes + waiting_.front().bytes > kBatchBytes) break;
    bytes += waiting_.front().bytes;
    keys.push_back(std::move(waiting_.front().key));
    waiting_.pop_front();
  }
  open_bytes_ += bytes;
  open_.push_back({std::make_unique<ChunkBatch>(view_, options_, bucket_, std::move(keys)), bytes});
}

StatusOr<ChunkAnswer> ChunkFeed::Next() {
  while (HasRoom()) OpenBatch();
  CHECK(!open_.empty());
  auto answer = open_.front().batch->Next();
  if (open_.front().batch->done()) {
    open_bytes_ -= open_.front().bytes;
    open_.pop_front();
  }
  return answer;
}

}  // namespace carillon
