#pragma once

#include "server/node/input.h"
#include "server/node/ordered_reads.h"
#include "server/node/outbox.h"

namespace carillon {

inline constexpr std::size_t kMaxKeysPerGet = 10'000;

// Streams the values of many keys, in the order asked: for each its value, or its own error.
// Pure. One owner at a time.
class GetCoordinator {
 public:
  explicit GetCoordinator(GetChunksInput input);

  void Start(Outbox* out);
  void Handle(ReadDone done, Outbox* out);
  void Handle(const CreditInput& credit, Outbox* out);
  void HandleTime(Outbox* out);
  void HandleNewState(Outbox* out);

  bool done() const { return done_; }

 private:
  void GoOn(Outbox* out);
  void AddNext(Outbox* out);

  GetChunksInput input_;
  std::size_t next_ = 0;  // of input_.keys
  OrderedReads reads_;
  bool done_ = false;
};

}  // namespace carillon
