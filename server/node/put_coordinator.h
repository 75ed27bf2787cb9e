#pragma once

#include <utility>

#include "server/node/input.h"
#include "server/node/outbox.h"
#include "server/node/replica_writes.h"
#include "server/node/state_wait.h"

namespace carillon {

// Carries one PUT to the homes of its chunk and decides when the client has its answer.
//
//   Start --> writing --durable--> answered --every home, or a fallback, has it--> done
//      \         \--lost--> answered (failed)
//       \--refused--> answered (failed)
//
// Under a ring that has changed meanwhile it begins again with the new one.
// Pure. One owner at a time.
class PutCoordinator {
 public:
  PutCoordinator(PutChunkInput input, std::uint64_t max_future_seconds);

  // Checks the request and asks every home to store the chunk. Call once, first.
  void Start(Outbox* out);
  // A replica's word. A second one changes nothing.
  void Handle(const WriteDone& done, Outbox* out);
  void HandleTime(Outbox* out);
  // The cluster state is another one: begins again under it.
  void HandleNewState(Outbox* out);

  bool done() const { return answered_ && writes_.settled(); }
  std::size_t value_bytes() const { return value_bytes_; }
  // The client has its answer; true once.
  bool TakeAnswered() { return answered_ && !std::exchange(answer_taken_, true); }
  bool met() const { return writes_.verdict() == ReplicaWrites::Verdict::kMet; }

 private:
  Status Check(const Scene& scene, ChunkKey* key, StorePlace* place) const;
  void Write(Outbox* out);
  void Conclude(Outbox* out);
  void Fail(Status status, Outbox* out);

  PutChunkInput input_;
  const std::uint64_t max_future_seconds_;
  const std::size_t value_bytes_;
  ReplicaWrites writes_;
  StateWait wait_;
  bool answered_ = false;
  bool answer_taken_ = false;
};

}  // namespace carillon
