#pragma once

#include <deque>
#include <optional>

#include "server/node/input.h"
#include "server/node/manifest_reads.h"
#include "server/node/ordered_reads.h"
#include "server/node/outbox.h"
#include "server/node/state_wait.h"

namespace carillon {

// Answers one page of manifests: scan, filter, mark what is complete. Pure.
class ListCoordinator {
 public:
  explicit ListCoordinator(ListSecondsInput input);
  void Start(Outbox* out);
  void Handle(ScanDone done, Outbox* out);
  void HandleTime(Outbox* out);
  void HandleNewState(Outbox* out);
  bool done() const { return done_; }

 private:
  void Fail(Status status, Outbox* out);
  void Conclude(Outbox* out);

  ListSecondsInput input_;
  ManifestReads manifests_;
  StateWait wait_;
  bool done_ = false;
};

// Streams all chunks committed in a range of seconds, in epoch order: manifests a page at a time,
// chunks within a window, each second ended by a mark that says whether it is complete.
//
//   Start --> scanning <--page used up-- streaming --range used up--> ended
//
// Memory: one page of manifests and OrderedReads' window, however long the range.
// Pure. One owner at a time.
class RangeCoordinator {
 public:
  static constexpr std::size_t kPageChunks = 2'000;

  explicit RangeCoordinator(ReadRangeInput input);

  void Start(Outbox* out);
  void Handle(ScanDone done, Outbox* out);
  void Handle(ReadDone done, Outbox* out);
  void Handle(const CreditInput& credit, Outbox* out);
  void HandleTime(Outbox* out);
  void HandleNewState(Outbox* out);

  bool done() const { return done_; }

 private:
  void Scan(Outbox* out);
  void Conclude(Outbox* out);
  void GoOn(Outbox* out);
  void AddFrom(Second* second, Outbox* out);
  void End(Status status, Outbox* out);

  ReadRangeInput input_;
  std::deque<Second> seconds_;      // of the page, not yet read out
  std::size_t next_chunk_ = 0;      // of the first of them
  std::optional<Epoch> next_from_;  // where the next page begins
  bool scanning_ = false;
  ManifestReads manifests_;
  bool partial_ = false;  // of a page so far
  StateWait wait_;
  std::uint64_t events_ = 0;  // of what was added, for max_events
  OrderedReads reads_;
  bool done_ = false;
};

}  // namespace carillon
