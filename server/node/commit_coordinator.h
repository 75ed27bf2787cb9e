#pragma once

#include "server/node/input.h"
#include "server/node/outbox.h"
#include "server/node/replica_writes.h"
#include "server/node/stat_rounds.h"
#include "server/node/state_wait.h"

namespace carillon {

// Carries one commit of a second: first asks whether every chunk it names is stored as it says,
// then has the manifest written to its homes, then answers.
//
//   Start --> checking --all stored--> writing --durable--> answered --> done
//      \          \--one is not, or differs--> answered (failed)
//       \--refused--> answered (failed)
//
// Under a ring that has changed meanwhile it begins again with the new one.
// Pure. One owner at a time.
class CommitCoordinator {
 public:
  CommitCoordinator(CommitInput input, std::uint64_t max_future_seconds);

  // Call once, first.
  void Start(Outbox* out);
  void Handle(StatDone done, Outbox* out);
  void Handle(const WriteDone& done, Outbox* out);
  void HandleTime(Outbox* out);
  void HandleNewState(Outbox* out);

  bool done() const { return answered_ && writes_.settled() && stats_.done(); }
  const Commit& commit() const { return input_.commit; }
  // The seal of a commit that is durable.
  const std::optional<Seal>& acknowledged_seal() const { return acknowledged_seal_; }

 private:
  Status Check(const Scene& scene) const;
  Status CheckStored() const;
  void Write(Outbox* out);
  void Conclude(Outbox* out);
  void Fail(Status status, Outbox* out);
  void BeginAgain(Outbox* out);

  CommitInput input_;
  const std::uint64_t max_future_seconds_;
  StatRounds stats_;
  ReplicaWrites writes_;
  StateVersion version_;
  std::optional<Seal> acknowledged_seal_;
  bool writing_ = false;
  StateWait wait_;
  bool answered_ = false;
};

}  // namespace carillon
