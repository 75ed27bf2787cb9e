#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/status.h"
#include "collector/pipeline/spool_log.h"

namespace carillon {

// Names a chunk of the outbox as long as this process lives: the number of the first record that
// it read or wrote of it.
using OutboxId = Id<struct OutboxTag, std::uint64_t>;

struct NewChunk {
  OutboxChunk chunk;
  std::vector<CoveredEvent> covered;  // ascending
  SharedBytes value;
};
struct WaitingChunk {
  OutboxId id;
  std::shared_ptr<const OutboxChunk> chunk;
};

// What the outbox said when it was opened.
struct OutboxRecovery {
  std::vector<WaitingChunk> waiting;  // not known to be committed, in the order of their records
  // In a chunk, or dropped: ascending, each once; only of requests that may be there.
  std::vector<CoveredEvent> covered;
  std::uint64_t next_request = 1;  // above all requests that any record names
};

// The log of chunks: each is on the disk, always with the same bytes and key, before it is sent.
//
//   Append --> waiting --Done--> done --its segment is the oldest, all done, and the intake has
//                                       nothing more that it covers--> gone
//
// Which events of the intake a chunk holds must be known as long as the intake has any of them:
// else they would be batched again. So a segment stays for that, too. Since segments go oldest
// first, a chunk that waits for long would keep all that came after it: while more than
// kSpareFactor times of what waits is on the disk, waiting chunks of the oldest segment are written
// once more at the end.
//
// Threads: one caller at a time, but for Read, bytes, and waiting.
class OutboxLog {
 public:
  static constexpr std::uint64_t kSpareFactor = 3;

  // `first_request`: the intake has no request below it.
  // Errors: as SpoolLog::Open.
  static StatusOr<std::unique_ptr<OutboxLog>> Open(SpoolLogOptions options,
                                                   std::uint64_t first_request,
                                                   OutboxRecovery* recovery);

  // Writes the chunks, which events are dropped, and what was told to Done before, in one batch,
  // the chunks last; one fdatasync. Requires: `dropped` ascends strictly. Errors: as
  // SpoolLog::Append; nothing has changed then.
  StatusOr<std::vector<WaitingChunk>> Append(std::span<const NewChunk> chunks,
                                             const std::vector<CoveredEvent>& dropped = {});
  // The chunk is committed, or a dead letter: it need not be sent any more. Remembered at once; on
  // the disk with the next Append or Flush. If a crash comes first it is sent again.
  // A second word on one chunk changes nothing.
  void Done(OutboxId id);
  // The number in the chunk's key. NOT_FOUND: it does not wait.
  StatusOr<std::uint64_t> NumberOf(OutboxId id) const;
  // Requires: the chunk waits. Writes it under another number; returns it with its new key.
  StatusOr<WaitingChunk> Renumber(OutboxId id, std::uint64_t number);

  // Writes what waits to be written, and marks the end of the log as being on the disk.
  Status Flush();
  bool needs_flush() const { return !done_.empty(); }
  // Removes what may go, now that the intake has no request below `first_request`; writes old
  // waiting chunks again when it is time. Seals the active segment when `all`.
  Status Trim(std::uint64_t first_request, bool all);

  // Any thread: the whole record. DATA_LOSS: damaged. NOT_FOUND: it does not wait any more.
  StatusOr<SharedBytes> Read(OutboxId id) const;
  // Any thread: the chunk's value. Errors: as Read.
  StatusOr<SharedBytes> ReadValue(OutboxId id) const;
  std::uint64_t bytes() const { return log_->bytes(); }
  std::size_t waiting() const;
  bool broken() const { return log_->broken(); }
  std::uint64_t damaged() const { return damaged_ + log_->damaged(); }

 private:
  struct Slot {
    SpoolPlace place;  // of its present record
    std::shared_ptr<const OutboxChunk> chunk;
  };
  // What is known of a segment: parallel to the log's.
  struct Usage {
    std::uint64_t first_number = 0;
    std::size_t waiting = 0;
    std::uint64_t last_request = 0;  // the greatest that it covers
  };
  using Slots = std::map<OutboxId, Slot>;

  OutboxLog() = default;
  Status HandleItem(SpoolItem item, std::uint64_t first_request, OutboxRecovery* recovery);
  Status HandleChunk(SpoolItem item, std::uint64_t first_request, OutboxRecovery* recovery);
  void HandleDone(const std::vector<std::uint64_t>& numbers);
  Status HandleDropped(const SpoolItem& item, std::uint64_t first_request,
                       OutboxRecovery* recovery);
  static void NoteCovered(const std::vector<CoveredEvent>& covered, std::uint64_t first_request,
                          std::uint64_t* last_request, OutboxRecovery* recovery);
  void CountSegments(OutboxRecovery* recovery);
  Usage* UsageOf(std::uint64_t number);
  StatusOr<std::vector<SpoolPlace>> Write(std::vector<SpoolAppend> records);
  StatusOr<WaitingChunk> Rewrite(OutboxId id, std::optional<std::uint64_t> number);
  Status RewriteOldest();
  std::vector<OutboxId> WaitingOfOldest() const;

  std::unique_ptr<SpoolLog> log_;
  std::deque<Usage> usage_;
  std::vector<std::uint64_t> done_;  // numbers of records, to be written
  std::uint64_t waiting_bytes_ = 0;
  std::uint64_t damaged_ = 0;
  // While it is opened: by number of record.
  std::map<std::uint64_t, std::uint64_t> last_requests_;
  std::map<std::uint64_t, OutboxId> by_number_;  // of waiting ones

  mutable std::mutex mutex_;  // of slots_: read by any thread
  Slots slots_;
};

}  // namespace carillon
