#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/chunk_info.h"
#include "server/node/outbox.h"

namespace carillon {

// Finds out whether chunks are stored anywhere they should be: in rounds, each of which asks, in
// one request a node, the next candidate of every chunk that has not been found. A round in which
// somebody is slow does not hold up the next (a hedge).
//
//   Start --> asking --all found, or nobody left to ask--> done
//
// Pure. One owner at a time. Memory: O(chunks).
class StatRounds {
 public:
  // Call once, first. A bucket's properties are those of `out`'s scene.
  void Start(const std::string& bucket, const std::vector<ChunkInfo>& chunks, Outbox* out);
  void Handle(StatDone done, Outbox* out);
  void HandleTime(Outbox* out);

  bool done() const { return asked_.empty() || missing_ == 0 || stale_ring_; }
  // In the order of `chunks`; nullopt: nobody who answered has it.
  const std::vector<std::optional<ChunkFound>>& found() const { return found_; }
  // Not OK: somebody who may have what was not found did not answer.
  const Status& doubt() const { return doubt_; }
  bool stale_ring() const { return stale_ring_; }

 private:
  void Ask(Outbox* out);

  std::string bucket_;
  std::vector<ChunkPlace> places_;
  std::vector<std::vector<MemberIndex>> candidates_;  // of each chunk, best first
  std::vector<std::size_t> next_;                     // of each chunk, into candidates_
  std::vector<std::optional<ChunkFound>> found_;
  std::map<OperationId, std::vector<std::size_t>> asked_;  // the chunks of each request
  std::size_t missing_ = 0;                                // chunks not found yet
  std::optional<Instant> hedge_at_;
  Status doubt_;
  bool stale_ring_ = false;
};

}  // namespace carillon
