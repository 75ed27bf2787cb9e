#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "base/status.h"
#include "collector/pipeline/outbox_log.h"
#include "collector/pipeline/stale_budget.h"

namespace carillon {

struct SendLimits {
  std::size_t max_puts = 64;     // at once
  std::size_t max_commits = 64;  // at once, beside the puts
  StaleLimits stale;
  int refusals = 4;  // of a chunk, for good, until it is buried
  Duration first_delay = std::chrono::milliseconds(100);
  Duration max_delay = std::chrono::seconds(5);
  Duration refusal_delay = std::chrono::seconds(5);       // a bucket may be on its way to all nodes
  Duration not_for_them_delay = std::chrono::minutes(1);  // what was answered UNIMPLEMENTED
  Duration bury_again = std::chrono::minutes(1);  // when there was no place for a dead letter
  // A commit waits so long for puts of its second that are under way.
  Duration commit_patience = std::chrono::milliseconds(250);
};

struct SendTime {
  Instant now;
  std::uint64_t wall_seconds = 0;  // since 1970
};

struct ChunkToSend {
  OutboxId id;
  std::string tenant;
  std::string bucket;
  Epoch epoch;
  std::uint64_t bytes = 0;  // of its value
  Instant commit_at;        // not before: more of its second may come until then
  Instant expires;          // when it may be given up
};

using CommitId = Id<struct SendCommitTag, std::uint64_t>;
struct CommitToSend {
  CommitId id;
  std::string bucket;
  Epoch epoch;
  std::vector<OutboxId> chunks;
};
struct ChunkToPut {
  OutboxId id;
  bool live = false;
};
struct ChunkToBury {
  OutboxId id;
  Status reason;
};

// What is to be done, in this order.
struct SendEffects {
  std::vector<ChunkToPut> puts;        // answer with HandlePut
  std::vector<CommitToSend> commits;   // answer with HandleCommit
  std::vector<OutboxId> committed;     // forgotten here
  std::vector<ChunkToBury> burials;    // answer with HandleBuried
  std::vector<OutboxId> renumberings;  // answer with HandleRenumbered
  std::uint64_t commits_done = 0;
  std::uint64_t failures = 0;  // answers that were not OK
};

// Decides which chunk is put next and when a second is committed.
//
//   waiting --put--> putting --OK--> stored --commit--> committing --OK--> (gone)
//      ^                |                                   |
//      +-----delayed----+--- tried again -------------------+
//                       +--- refused for good, K times, or expired --> burying --> (gone)
//                       +--- its key is somebody else's --> renumbering --> waiting
//
// Live chunks (StaleBudget) go before stale ones, which get their share; within each the tenants
// take turns, and each tenant's go in order of arrival. While there is more than one tenant, none
// has more than half of the puts; one whose last put failed has one at a time, so that a store that
// refuses one tenant does not hold up the others.
//
// Chunks of one (bucket, epoch) that are stored are committed together: when none of it is being
// put, or after commit_patience. What is not refused for good is tried for ever, with a delay that
// doubles; once a minute what was answered UNIMPLEMENTED, which holds up nothing else.
//
// Pure. One caller at a time. Memory: about 200 bytes a chunk. Cost of a step: a few lookups.
class SendSchedule {
 public:
  explicit SendSchedule(SendLimits limits) : limits_(limits), budget_(limits.stale) {}

  void Add(ChunkToSend chunk, const SendTime& time);
  // Answers for what is not under way change nothing.
  void HandlePut(OutboxId id, const Status& status, const SendTime& time, SendEffects* effects);
  void HandleCommit(CommitId id, const Status& status, const SendTime& time, SendEffects* effects);
  // Not OK: there was no place; it is tried again.
  void HandleBuried(OutboxId id, const Status& status, const SendTime& time);
  void HandleRenumbered(OutboxId id, const Status& status, const SendTime& time);
  // From now on no commit waits for more of its second.
  void Hurry();
  // Starts what may go. Call after the above, and at the deadline.
  void Tick(const SendTime& time, SendEffects* effects);
  // When Tick must run next; nullopt: not until something else happens.
  std::optional<Instant> Deadline(const SendTime& time) const;

  std::size_t chunks() const { return chunks_.size(); }
  std::size_t waiting() const { return live_.chunks + backlog_.chunks + delayed_.size(); }
  bool IsLive(Epoch epoch, const SendTime& time) const;

 private:
  using SecondName = std::pair<std::string, Epoch>;
  enum class State { kWaiting, kDelayed, kPutting, kStored, kCommitting, kBurying, kRenumbering };
  struct Chunk {
    ChunkToSend what;
    State state = State::kWaiting;
    int attempts = 0;
    int refusals = 0;
    bool stale_put = false;  // the put under way was charged as stale
  };
  struct Tenant {
    std::deque<OutboxId> live;
    std::deque<OutboxId> stale;
    std::size_t puts = 0;
    bool failing = false;
  };
  struct Second {
    std::vector<OutboxId> stored;
    std::size_t puts = 0;
    bool committing = false;
    bool one_by_one = false;  // all of it together was refused
    int attempts = 0;
    int refusals = 0;
    Instant commit_at;     // of the stored ones, the latest
    Instant stored_since;  // the first of them
    Instant retry_at;
    std::optional<Instant> due;  // its entry in commits_due_
  };
  // Chunks that may go, by tenant; and which tenants have any.
  struct Queues {
    std::deque<OutboxId> Tenant::*of;
    std::set<std::string> tenants;
    std::string last;  // whose turn it was
    std::size_t chunks = 0;
  };

  void Enqueue(OutboxId id, Chunk* chunk, const SendTime& time);
  void Delay(OutboxId id, Chunk* chunk, Instant until);
  void Retry(OutboxId id, Chunk* chunk, const Status& status, const SendTime& time,
             SendEffects* effects);
  Duration DelayOf(std::uint64_t id, int attempts) const;
  void WakeDelayed(const SendTime& time);
  void StartPuts(const SendTime& time, SendEffects* effects);
  void Push(Queues* queues, OutboxId id, const std::string& tenant);
  OutboxId Pop(Queues* queues, const std::string& tenant);
  std::optional<OutboxId> Pick(Queues* queues);
  void MoveAged(const SendTime& time);
  bool MayPut(const Tenant& tenant) const;
  void StartPut(OutboxId id, bool live, SendEffects* effects);
  void EndPut(const Chunk& chunk, bool ok);
  void ForgetTenantIfIdle(const std::string& name);
  void Reschedule(const SecondName& name);
  void StartCommits(const SendTime& time, SendEffects* effects);
  void Uncommit(const CommitToSend& commit, const Status& status, const SendTime& time,
                SendEffects* effects);
  Chunk* Find(OutboxId id, State state);

  const SendLimits limits_;
  StaleBudget budget_;
  std::map<OutboxId, Chunk> chunks_;
  std::map<std::string, Tenant> tenants_;  // those with something waiting or being put
  Queues live_{.of = &Tenant::live};
  Queues backlog_{.of = &Tenant::stale};
  std::uint64_t aged_at_ = 0;  // the second of the last MoveAged
  std::set<std::pair<Instant, OutboxId>> delayed_;
  std::size_t puts_ = 0;
  std::size_t stale_puts_ = 0;
  std::map<SecondName, Second> seconds_;
  std::set<std::pair<Instant, SecondName>> commits_due_;
  std::map<CommitId, CommitToSend> commits_;
  std::uint64_t next_commit_ = 1;
  bool hurry_ = false;
};

}  // namespace carillon
