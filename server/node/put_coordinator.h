#pragma once

#include "server/node/input.h"
#include "server/node/outbox.h"
#include "server/node/quorum.h"

namespace carillon {

// Carries one PUT to the homes of its chunk and decides when the client has its answer.
//
//   Start --> waiting --w acks--> answered
//      \          \--too many failures--> answered (failed)
//       \--refused--> answered (failed)
//
// Pure. One owner at a time.
class PutCoordinator {
 public:
  PutCoordinator(PutChunkInput input, std::uint64_t max_future_seconds);

  // Checks the request and asks every home to store the chunk. Call once, first.
  void Start(Outbox* out);
  // The store's word. A second one changes nothing.
  void Handle(WriteDone done, Outbox* out);

  bool done() const { return answered_; }
  std::size_t value_bytes() const { return value_bytes_; }

 private:
  Status Check(const Scene& scene, ChunkKey* key, StorePlace* place) const;

  PutChunkInput input_;
  const std::uint64_t max_future_seconds_;
  const std::size_t value_bytes_;
  Quorum quorum_{1, 1};
  bool answered_ = false;
};

}  // namespace carillon
