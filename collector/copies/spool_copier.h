#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "collector/copies/copy_link.h"
#include "collector/copies/copy_plan.h"
#include "storage/segment_reader.h"

namespace carillon {

// Each peer by two connections: what is to be forgotten does not hold up what is shipped.
struct CopyPeer {
  std::string name;  // for logs
  std::shared_ptr<CopyLink> link;
  std::shared_ptr<CopyLink> second_link;
};

struct CopierOptions {
  std::string name;             // of this collector: nobody else's
  std::vector<CopyPeer> peers;  // not empty
  CopyPlanLimits limits;
  // Greater than that of any copy that is known; see RestoreSpool.
  std::uint64_t generation = 0;
};

struct CopierStats {
  CopyState state = CopyState::kCopying;
  std::string peer;
  std::uint64_t generation = 0;
  std::uint64_t waiting_bytes = 0;
  Duration behind{0};
  std::uint64_t shipped_bytes = 0;
  std::uint64_t failures = 0;  // calls that were not answered with OK
  std::uint64_t copies = 0;    // that were begun
  std::uint64_t times_alone = 0;
  std::uint64_t acks = 0;       // that came from a copy
  std::uint64_t acks_late = 0;  // that did not come in time
  std::size_t acks_waiting = 0;
};

// Keeps a copy of a spool in step on another collector's disk: carries out what CopyPlan decides.
// What is shipped is read back from the spool's own files, so that a backlog costs no memory here.
//
// Threads: any, at once; three of its own. Callbacks run on one of them, in order, and must not
// block.
class SpoolCopier {
 public:
  static constexpr std::size_t kMaxAcks = 1'000'000;

  SpoolCopier(CopierOptions options, const Clock* clock);
  ~SpoolCopier();  // Stop

  void Start();
  // What was given to Then is dropped, and Await answered with UNAVAILABLE. Returns when no
  // callback runs any more.
  void Stop();

  // As CopyPlan. In the order in which it comes to the disk; `reader` reads the segment.
  void HandleGrown(CopyFile file, std::uint64_t bytes, std::shared_ptr<const SegmentReader> reader);
  void HandleRemoved(CopyFile file);

  // Calls `next` when what was told so far is on the other disk, or it is alone: in the order of
  // the calls of Then.
  void Then(std::function<void()> next);
  // True: all that was given to Then before has run.
  bool WaitUntilPassed(Duration grace);

  // Room for an Await, and a chance for it. UNAVAILABLE: it is alone. RESOURCE_EXHAUSTED.
  Status Reserve();
  void Unreserve();
  // Requires: reserved. Calls `done` when what was told so far is on the other disk: OK; or at
  // `deadline`: UNAVAILABLE.
  void Await(Instant deadline, std::function<void(Status)> done);

  // Waits until all is copied, if it is in step, at most for `grace`.
  void Flush(Duration grace);

  CopierStats stats() const;

 private:
  struct Passing {
    std::uint64_t position = 0;
    std::function<void()> next;
  };
  struct Ack {
    Instant deadline;
    std::function<void(Status)> done;
  };
  using Calls = std::vector<std::function<void()>>;

  void ShipLoop();
  void Perform(const CopyCall& call);
  StatusOr<CopyReply> AskPeer(CopyLink* link, const CopyAsk& ask) const;
  StatusOr<CopyReply> Ship(const CopyCall& call);
  void DropReaders(const CopyCall& call, bool shipped);
  void GateLoop();
  void TakeDue(Instant now, Calls* calls);
  Duration GateWait(Instant now) const;
  void ForgetLoop();

  const CopierOptions options_;
  const Clock* const clock_;

  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable ship_wake_;
  std::condition_variable gate_wake_;
  std::condition_variable forget_wake_;
  std::condition_variable passed_;
  CopyPlan plan_;
  CopyState told_ = CopyState::kCopying;  // to the log
  std::map<CopyFile, std::shared_ptr<const SegmentReader>> readers_;
  std::deque<Passing> passing_;
  bool passing_now_ = false;
  // By position and a number of its own; and by deadline.
  std::map<std::pair<std::uint64_t, std::uint64_t>, Ack> acks_;
  std::set<std::pair<Instant, std::pair<std::uint64_t, std::uint64_t>>> due_;
  std::uint64_t next_ack_ = 1;
  std::size_t reserved_ = 0;
  CopierStats counts_;
  Status last_failure_;
  bool stopping_ = false;

  std::thread shipper_;
  std::thread gate_;
  std::thread forgetter_;
};

}  // namespace carillon
