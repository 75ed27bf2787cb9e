#pragma once

#include <deque>
#include <future>
#include <optional>

#include "client/chunk_feed.h"
#include "client/client.h"
#include "client/unary_calls.h"

namespace carillon {

// A range read by a client that knows the ring: pages of manifests from any node, and chunks from
// their primaries, so that no chunk's bytes go from node to node. Gives what the plain read gives.
//
// The next page is fetched while the chunks of one are read. Memory: two pages and a ChunkFeed.
class RingRangeStream final : public RangeStream {
 public:
  static constexpr std::uint32_t kPageChunks = 2000;

  // `calls` must outlive the stream.
  RingRangeStream(UnaryCalls* calls, const ClientOptions& options, RangeQuery query);

  StatusOr<std::optional<RangeItem>> Next() override;

 private:
  StatusOr<std::optional<RangeItem>> NextItem();
  void AskForPage(Epoch from);
  Status TakePage();
  bool HasWholePageWaiting() const;
  StatusOr<std::optional<RangeItem>> NextChunk(ChunkInfo chunk);
  RangeItem EndSecond();

  UnaryCalls* const calls_;
  const RangeQuery query_;
  ChunkFeed feed_;
  std::optional<std::future<StatusOr<SecondsPage>>> page_;  // on its way; nullopt: it was the last
  std::deque<Second> seconds_;
  std::size_t next_chunk_ = 0;  // of the first second
  std::uint64_t events_ = 0;    // of the seconds taken
  Status failure_;
};

}  // namespace carillon
