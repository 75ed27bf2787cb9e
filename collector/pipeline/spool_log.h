#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/random.h"
#include "base/status.h"
#include "collector/pipeline/spool_format.h"
#include "storage/data_directory.h"
#include "storage/log_stream.h"
#include "storage/segment_table.h"

namespace carillon {

struct SpoolSegmentChange {
  SegmentId segment;
  bool removed = false;
  std::uint64_t bytes = 0;                      // on the disk now, all of them for good
  std::shared_ptr<const SegmentReader> reader;  // unless removed
};

struct SpoolLogOptions {
  FileSystem* files = nullptr;
  std::string directory;  // made when it is not there
  const Clock* clock = nullptr;
  std::uint64_t seed = 0;  // for the salts
  std::uint64_t segment_bytes = std::uint64_t{64} << 20;
  std::uint64_t allocate_bytes = std::uint64_t{16} << 20;  // ahead
  // Told of each change of a segment when it is on the disk, by whoever made it; may be empty.
  std::function<void(const SpoolSegmentChange&)> watch;
};

struct SpoolAppend {
  SpoolKind kind = SpoolKind::kRequest;
  Rope value;
};
struct SpoolPlace {
  std::uint64_t number = 0;  // the record's: grows, never used twice
  RecordLocation location;
};
struct SpoolItem {
  SpoolKind kind = SpoolKind::kRequest;
  SpoolPlace place;
  Bytes value;
};
struct SpoolSegment {
  SegmentId id;
  std::uint64_t first_number = 0;  // of its records
  std::uint64_t last_number = 0;
  std::uint64_t bytes = 0;
  bool damaged = false;
};

// One log of the spool: segments with the records of storage/, written by its LogStream, so that
// a batch is one write and one fdatasync, and a torn tail is told from damage (docs/FORMATS.md).
//
// A process appends only to segments that it began itself. What an earlier one left is read once,
// its torn tail cut off, and then only trimmed. Damage is stepped over and counted; a segment with
// damage is not removed but set aside under NAME.damaged, at most kMaxDamagedFiles of them.
//
// After a failed fdatasync the log is broken: every call returns that error.
//
// Threads: one caller at a time, but for Read and bytes.
class SpoolLog {
 public:
  // Called with each record, in order; an error ends Open.
  using Visit = std::function<Status(SpoolItem item)>;

  // UNIMPLEMENTED: a segment of a newer format. Others: as FileSystem, or from `visit`.
  static StatusOr<std::unique_ptr<SpoolLog>> Open(SpoolLogOptions options, const Visit& visit);

  // What reads all records that are there now once more, from any thread, also while the log is
  // being written; damage is stepped over in silence. Errors: those of `visit`.
  std::function<Status(const Visit& visit)> Reader() const;
  // No record gets a number below `number` any more.
  void SkipTo(std::uint64_t number);

  // Writes the records and makes them survive a crash.
  // RESOURCE_EXHAUSTED: no space, nothing was written. UNAVAILABLE: the disk failed; nothing of it
  // is kept unless broken(), when that is unknown.
  StatusOr<std::vector<SpoolPlace>> Append(std::span<SpoolAppend> records);
  // Says on the disk that all of it is on the disk: for idle times. Cost: nothing, or a write and
  // an fdatasync.
  Status Mark();
  // Ends the active segment, so that it can be trimmed.
  Status Seal();

  // Oldest first.
  const std::deque<SpoolSegment>& segments() const { return segments_; }
  bool IsActive(SegmentId id) const;
  // Removes the `count` oldest segments, and makes that survive a crash.
  // Requires: they are there, and not active.
  Status RemoveOldest(std::size_t count);

  std::uint64_t segment_bytes() const { return options_.segment_bytes; }
  bool broken() const { return !failure_.ok(); }
  std::uint64_t next_number() const { return shared_.next_sequence; }
  // Stretches of the files that could not be read.
  std::uint64_t damaged() const { return damaged_; }

  // Any thread. DATA_LOSS: damaged. NOT_FOUND: its segment was removed.
  StatusOr<SharedBytes> Read(const RecordLocation& location) const;
  // Any thread: what the segments hold.
  std::uint64_t bytes() const { return bytes_.load(std::memory_order_relaxed); }

  static constexpr std::size_t kMaxDamagedFiles = 8;

 private:
  explicit SpoolLog(SpoolLogOptions options);
  Status Recover(const Visit& visit);
  Status RecoverSegment(SegmentId id, const Visit& visit);
  Status SetAside(SegmentId id);
  Status Broken(const Status& status);
  void Account();
  void Tell(const SpoolSegment& segment) const;

  const SpoolLogOptions options_;
  Random random_;
  DataDirectory directory_;
  SegmentTable table_;
  LogShared shared_;
  std::unique_ptr<LogStream> stream_;
  std::deque<SpoolSegment> segments_;
  std::vector<SegmentId> removed_;  // and not told of: a crash may bring them back
  std::atomic<std::uint64_t> bytes_{0};
  std::uint64_t damaged_ = 0;
  std::size_t damaged_files_ = 0;
  Status failure_;
};

}  // namespace carillon
