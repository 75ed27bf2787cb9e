#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/status.h"
#include "client/client.h"
#include "collector/pipeline/outbox_log.h"
#include "collector/pipeline/send_schedule.h"

namespace carillon {

struct SenderOptions {
  Client* client = nullptr;
  const OutboxLog* outbox = nullptr;
  const Clock* clock = nullptr;
  std::string dc;
  SendLimits limits;
  Duration max_age{0};  // of a chunk, until it may be given up
};

// A chunk that is on the disk.
struct SenderChunk {
  WaitingChunk waiting;
  SharedBytes value;  // empty: read from the outbox when its turn comes
  Instant commit_at;
};

// What the owner of the outbox is to write.
struct SenderRequests {
  std::vector<OutboxId> done;          // committed
  std::vector<ChunkToBury> burials;    // answer with HandleBuried
  std::vector<OutboxId> renumberings;  // answer with HandleRenumbered
  bool empty() const { return done.empty() && burials.empty() && renumberings.empty(); }
};

struct SenderStats {
  std::uint64_t live_chunks = 0;  // puts begun
  std::uint64_t live_bytes = 0;
  std::uint64_t stale_chunks = 0;
  std::uint64_t stale_bytes = 0;
  std::uint64_t commits = 0;
  std::uint64_t chunks_committed = 0;
  std::uint64_t events_committed = 0;
  std::uint64_t failures = 0;
  std::uint64_t chunks = 0;  // that it has now
  Duration oldest{0};        // since the oldest of them was made
};

// The one thread that talks to the store: carries out what SendSchedule decides.
//
// Threads: any, at once. Memory: at most kMaxValueBytes of values; others are read from the outbox.
class Sender {
 public:
  static constexpr std::uint64_t kMaxValueBytes = std::uint64_t{64} << 20;

  // What the options point to outlives it. `ask` is called on the sender's thread and must not
  // block.
  Sender(SenderOptions options, std::function<void(SenderRequests)> ask);
  ~Sender();  // Stop

  void Start();
  void Add(std::vector<SenderChunk> chunks);
  void HandleBuried(OutboxId id, Status status);
  void HandleRenumbered(OutboxId id, StatusOr<WaitingChunk> renumbered);

  // From now on no commit waits for more of its second.
  void Hurry();

  SenderStats stats() const;

  // Begins nothing more. What is under way at the store is not waited for, and not heard of.
  void Stop();

 private:
  struct Mailbox;
  using Input = std::function<void(Sender*, const SendTime&, SendEffects*)>;
  struct Held {
    std::shared_ptr<const OutboxChunk> chunk;
    SharedBytes value;
  };

  void Loop();
  void Perform(SendEffects effects, const SendTime& time);
  void Put(const ChunkToPut& put);
  void SendCommit(const CommitToSend& commit);
  void AddNow(SenderChunk chunk, const SendTime& time);
  void DropValue(OutboxId id);
  void Forget(OutboxId id);
  SendTime Time() const;

  const SenderOptions options_;
  const std::function<void(SenderRequests)> ask_;
  const std::shared_ptr<Mailbox> mailbox_;  // shared with calls under way, which may outlive this
  // The thread's own.
  SendSchedule schedule_;
  std::map<OutboxId, Held> held_;
  std::uint64_t value_bytes_ = 0;
  std::multiset<std::uint64_t> created_;  // of held_
  std::thread thread_;
};

}  // namespace carillon
