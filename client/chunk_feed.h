#pragma once

#include <deque>
#include <memory>
#include <string>

#include "client/chunk_batch.h"

namespace carillon {

// Any number of chunks in the order in which they were added, fetched a batch at a time so that
// the bytes that are asked for and not handed out stay within a window.
//
// Threads: one caller at a time; Next waits. Memory: kWindowBytes of values, or one chunk.
class ChunkFeed {
 public:
  static constexpr std::size_t kWindowBytes = std::size_t{16} << 20;
  static constexpr std::size_t kBatchBytes = std::size_t{4} << 20;

  ChunkFeed(RingView* view, const ClientOptions& options, std::string bucket)
      : view_(view), options_(options), bucket_(std::move(bucket)) {}

  // `bytes`: of its value, as far as that is known. Requires: a valid key.
  void Add(ChunkKey key, std::size_t bytes) { waiting_.push_back({std::move(key), bytes}); }

  // Chunks that are not asked for yet.
  std::size_t waiting() const { return waiting_.size(); }
  // The next chunk added. Requires: there is one. After an error the feed is over.
  StatusOr<ChunkAnswer> Next();

 private:
  struct Waiting {
    ChunkKey key;
    std::size_t bytes = 0;
  };
  struct Open {
    std::unique_ptr<ChunkBatch> batch;
    std::size_t bytes = 0;
  };
  bool HasRoom() const;
  void OpenBatch();

  RingView* const view_;
  const ClientOptions options_;
  const std::string bucket_;
  std::deque<Waiting> waiting_;
  std::deque<Open> open_;
  std::size_t open_bytes_ = 0;
};

}  // namespace carillon
