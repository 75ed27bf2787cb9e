#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/status.h"
#include "collector/pipeline/claim_stage.h"
#include "collector/pipeline/event_claims.h"
#include "collector/pipeline/spool_log.h"

namespace carillon {

// A request that is on the disk.
struct KeptRequest {
  std::uint64_t number = 0;
  std::size_t events = 0;
  SharedBytes value;                    // DecodeRequest
  std::shared_ptr<EventClaims> claims;  // null: nothing to claim
  std::vector<EventFate> fates;         // one an event; empty: all are stored
  bool recovered = false;               // an earlier process answered it
};

// How many requests claim their ids together, as one group: those of one batch, and of the next
// ones until one of these is reached.
struct ClaimGroupLimits {
  std::chrono::milliseconds window{20};  // after its first batch
  std::size_t ids = kMaxClaims;
  std::size_t bytes = std::size_t{8} << 20;
};

// The log of accepted requests, and the one thread that writes it: it takes all that wait, writes
// them in one batch, syncs once, and answers. While a batch is being synced the next one gathers;
// when nothing waits, a request goes at once.
//
// A segment goes, oldest first, when all events in it were told to Cover.
//
// Threads: any, at once. Callbacks run on the log's thread and must not block.
class IntakeLog {
 public:
  // Called with what has become durable, in the order of its numbers, after it was answered.
  using Deliver = std::function<void(std::vector<KeptRequest>)>;
  // Called when all of a group of claims has been delivered.
  using EndGroup = std::function<void(ClaimOwner)>;

  static constexpr std::size_t kBatchBytes = std::size_t{8} << 20;
  static constexpr std::size_t kBatchRequests = 4096;

  IntakeLog(std::unique_ptr<SpoolLog> log, Deliver deliver, EndGroup end_group,
            ClaimGroupLimits group_limits = {});
  ~IntakeLog();  // Stop

  // Called, on the log's thread, before a segment goes: what its requests stand for beyond their
  // events must then be known elsewhere. Call before Start.
  void SetBeforeTrim(std::function<void()> before_trim) { before_trim_ = std::move(before_trim); }
  void Start();

  // What an earlier process left is held until FinishRecovery: until then, `events` of a request
  // of it are told to be in no outbox record yet. Each request once.
  void Recover(std::uint64_t number, std::size_t events);
  void FinishRecovery();

  // What became of a request, and the number of its record, 0 if it is not kept. Called before it
  // is delivered.
  using Done = std::function<void(const Status& status, std::uint64_t number)>;

  // Calls `done` once: OK: on the disk. RESOURCE_EXHAUSTED: no space, nothing was kept.
  // UNAVAILABLE: stopped, or the disk failed.
  // `claims`: of a request that claims ids, else null; its owner is set here.
  // Requires: value.size() <= kMaxRecordValueBytes.
  void Keep(Bytes value, std::size_t events, std::shared_ptr<EventClaims> claims, Done done);

  // These events, ascending, are on the disk elsewhere. Each is told once.
  void Cover(const std::vector<CoveredEvent>& covered);
  // No request below this number is on the disk any more, nor comes back after a crash.
  std::uint64_t first_number() const { return first_number_.load(); }

  // Answers what was given to Keep, then stops. Returns when no callback runs any more.
  void Stop();
  // After Stop only: trims what can be trimmed, the active segment included. Best effort: what
  // stays is read again by the next start.
  void TrimStopped();

  std::uint64_t bytes() const { return log_->bytes(); }
  // Events that were not told to Cover. Until FinishRecovery each segment that an earlier process
  // left counts as one more.
  std::uint64_t uncovered() const;
  // Not OK: an fdatasync failed; nothing more is taken.
  Status failure() const;

 private:
  struct Waiting {
    Bytes value;
    std::size_t events = 0;
    std::shared_ptr<EventClaims> claims;
    Done done;
  };
  using GroupTime = std::chrono::steady_clock::time_point;
  // The group that has not ended.
  struct Group {
    ClaimOwner owner;
    std::size_t ids = 0;
    std::size_t bytes = 0;
    GroupTime until;
  };
  struct Usage {
    std::uint64_t first_number = 0;
    std::size_t uncovered = 0;  // events
  };

  void Loop();
  bool HasWork() const;
  bool WaitForWork(std::unique_lock<std::mutex>* lock, bool marked);
  std::vector<Waiting> TakeBatch();
  void WriteBatch(std::vector<Waiting> batch);
  void JoinGroup(std::vector<Waiting>* batch);
  void EndGroupIf(bool enough);
  bool GroupIsDue() const;
  void CountBatch(const std::vector<KeptRequest>& kept);
  void Refuse(std::vector<Waiting> batch, const Status& status);
  std::size_t CountCoveredSegments();
  void Trim();

  const std::unique_ptr<SpoolLog> log_;  // the thread's, but for bytes
  const Deliver deliver_;
  std::function<void()> before_trim_;
  const EndGroup end_group_;
  const ClaimGroupLimits group_limits_;
  std::optional<Group> group_;  // the thread's
  std::atomic<std::uint64_t> first_number_{0};

  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable wake_;
  std::deque<Waiting> waiting_;
  std::deque<Usage> usage_;  // parallel to the log's segments
  std::size_t held_ = 0;     // segments of an earlier process, each counted as one uncovered event
  bool trim_wanted_ = false;
  bool stopping_ = false;
  Status failure_;
  std::thread thread_;
};

}  // namespace carillon
