#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/status.h"
#include "collector/pipeline/spool_format.h"
#include "storage/file_system.h"

namespace carillon {

// A chunk that was given up, and why. One that a crash has left twice is told twice.
struct DeadChunk {
  std::string reason;
  OutboxChunk chunk;
  ByteSpan value;  // the chunk's: only during the visit
};

// Calls `visit` with each dead letter of a spool, in the order in which they were given up. Reads
// only, so a collector may run on it; what cannot be read is told to the log and passed over.
// Cost: reads all of them. NOT_FOUND: there is no such spool. Others: as FileSystem, or of `visit`.
Status VisitDeadLetters(FileSystem* files, const std::string& spool,
                        const std::function<Status(const DeadChunk& dead)>& visit);

// Of dead letters: all, or those of a tenant, or with one of these keys.
struct DeadLetterChoice {
  bool all = false;
  std::string tenant;          // empty: none
  std::set<std::string> keys;  // of chunks
};

struct DeadLetterCounts {
  std::uint64_t chunks = 0;
  std::uint64_t events = 0;
};

// What can be done with the dead letters of a spool on which no collector runs.
//
// Both write what stays to new segments and then remove the old ones: a crash in between leaves
// letters twice, and loses none. What is sent again is in the outbox before it is no dead letter.
//
// Threads: one caller at a time. Cost: reads all dead letters, and writes those that stay.
// FAILED_PRECONDITION: a collector, or another such call, has the spool. NOT_FOUND: no such spool,
// or nothing is chosen; nothing has changed. Others: as SpoolLog.
class DeadLetterBox {
 public:
  static StatusOr<DeadLetterBox> Open(FileSystem* files, const Clock* clock, std::string spool);

  // Puts them into the outbox again, once each, as if they were made now: the next collector sends
  // them under the same keys, and gives them up again if the store refuses them still.
  StatusOr<DeadLetterCounts> Retry(const DeadLetterChoice& choice);
  // Forgets them for good.
  StatusOr<DeadLetterCounts> Drop(const DeadLetterChoice& choice);

 private:
  DeadLetterBox() = default;
  StatusOr<DeadLetterCounts> Take(const DeadLetterChoice& choice, bool again);

  FileSystem* files_ = nullptr;
  const Clock* clock_ = nullptr;
  std::string spool_;
  std::unique_ptr<FileLock> lock_;
};

}  // namespace carillon
