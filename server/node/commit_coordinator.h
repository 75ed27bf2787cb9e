#pragma once

#include "server/node/input.h"
#include "server/node/outbox.h"
#include "server/node/quorum.h"

namespace carillon {

// Carries one commit of a second: first asks whether every chunk it names is stored as it says,
// then has the manifest written, then answers.
//
//   Start --> checking --all stored--> writing --w acks--> answered
//      \          \--one is not--> answered (failed)
//       \--refused--> answered (failed)
//
// Pure. One owner at a time.
class CommitCoordinator {
 public:
  CommitCoordinator(CommitInput input, std::uint64_t max_future_seconds);

  void Start(Outbox* out);
  void Handle(const StatDone& done, Outbox* out);
  void Handle(WriteDone done, Outbox* out);

  bool done() const { return answered_; }
  // The seal that an acknowledged commit carried; to be heard by the watermarks.
  const std::optional<Seal>& acknowledged_seal() const { return acknowledged_seal_; }
  const Commit& commit() const { return input_.commit; }

 private:
  Status Check(const Scene& scene, StorePlace* place) const;
  Status CheckStored(const StatDone& done) const;
  void Write(Outbox* out);
  void Fail(Status status, Outbox* out);

  CommitInput input_;
  const std::uint64_t max_future_seconds_;
  StorePlace place_;
  Quorum quorum_{1, 1};
  std::optional<Seal> acknowledged_seal_;
  bool answered_ = false;
};

}  // namespace carillon
