#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "collector/pipeline/event_claims.h"
#include "collector/pipeline/outbox_log.h"
#include "collector/pipeline/spool_format.h"

namespace carillon {

struct CommitWatchLimits {
  std::size_t requests = 1'000'000;
  std::size_t events = 1'000'000;  // of requests whose ids are looked at
};

// What is to be told of a request.
struct WatchedRequest {
  std::uint64_t number = 0;  // of its record in the intake
  std::size_t events = 0;
  std::shared_ptr<const EventClaims> claims;  // may be null
  Instant deadline;                           // of `done`
  std::function<void(Status)> done;
};

// Says when the events of a request are committed in the store, to those who are answered only
// then.
//
//   Watch --> events in chunks (HandleCovered) or dropped --chunks committed--> done(OK)
//      \--deadline--> done(UNAVAILABLE); goes on for the sake of what is dropped for it
//
// An event that was dropped as a duplicate of one that is watched here counts when that one is
// committed, so that a client that was told to come again is not told OK too early. Of one that is
// not watched here (it belongs to another collector, or to an earlier life of this one) nothing is
// known but that it is on a disk: that counts at once.
//
// Threads: any, at once. Callbacks run on the caller's thread, without a lock, and must not block.
// Memory: about 150 bytes a request, 60 an event with an id, 16 for each chunk with an event of it.
class CommitWatch {
 public:
  explicit CommitWatch(CommitWatchLimits limits = {}) : limits_(limits) {}

  // Room for a request, until it is committed. RESOURCE_EXHAUSTED: too much is watched.
  Status Reserve(std::size_t events);
  void Unreserve(std::size_t events);  // it is not watched after all

  // Require: reserved; before any of its events is told of.
  void Watch(WatchedRequest request);
  // A chunk that holds events of no request. It is reserved, as one event.
  void WatchChunk(OutboxId chunk, Instant deadline, std::function<void(Status)> done);

  // Ascending. What is not watched changes nothing.
  void HandleCovered(OutboxId chunk, const std::vector<CoveredEvent>& covered);
  void HandleDropped(const std::vector<CoveredEvent>& dropped);
  void HandleCommitted(OutboxId chunk);
  // It is a dead letter: `done` of its requests hears UNAVAILABLE.
  void HandleBuried(OutboxId chunk);

  // Answers those whose time is over. Call at least every second.
  void Tick(Instant now);
  // Answers all; nothing is watched any more.
  void FailAll(const Status& status);

  std::size_t requests() const { return requests_.load(std::memory_order_relaxed); }

 private:
  struct Request {
    std::size_t events = 0;  // reserved
    std::size_t left = 0;    // not committed
    std::vector<ClaimId> ids;
    std::function<void(Status)> done;
    std::optional<std::pair<Instant, std::uint64_t>> due;
    Status failure;  // some of it is a dead letter
  };
  struct Holder {
    std::uint64_t request = 0;
    std::uint32_t place = 0;
    std::vector<std::uint64_t> waiting;  // requests whose duplicate was dropped
  };
  using Calls = std::vector<std::function<void()>>;

  void EndEvent(std::uint64_t number, const Status& status, Calls* calls);
  void EndHeld(const CoveredEvent& event, const Status& status, Calls* calls);
  void EndChunk(OutboxId chunk, const Status& status);
  void Answer(Request* request, Status status, Calls* calls);
  static void Run(const Calls& calls);

  const CommitWatchLimits limits_;
  std::atomic<std::size_t> requests_{0};
  std::mutex mutex_;  // guards what follows
  std::size_t reserved_requests_ = 0;
  std::size_t reserved_events_ = 0;
  std::unordered_map<std::uint64_t, Request> watched_;
  std::map<OutboxId, std::vector<CoveredEvent>> chunks_;
  std::map<ClaimId, Holder> holders_;                // who has an id and is not committed
  std::set<std::pair<Instant, std::uint64_t>> due_;  // and the request's number
};

}  // namespace carillon
