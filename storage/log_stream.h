#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/random.h"
#include "storage/data_directory.h"
#include "storage/file_system.h"
#include "storage/segment_reader.h"
#include "storage/segment_table.h"

namespace carillon {

struct RecordToAppend {
  RecordHeader header;  // sequence and value_crc are filled in: the former here
  Bytes key;
  const Rope* value = nullptr;  // lives until Append returns
};

// What the streams of a disk share. One caller at a time.
struct LogShared {
  FileSystem* files = nullptr;
  const DataDirectory* directory = nullptr;
  SegmentTable* segments = nullptr;
  Random* random = nullptr;
  std::uint64_t segment_bytes = 0;
  std::uint64_t allocate_bytes = 0;
  SegmentId next_segment{1};
  std::uint64_t next_sequence = 1;
};

// The log of one ttl class: appends to one segment, seals it, begins the next.
//
// A batch begins with a sync mark (a record that says that all before it is on disk; none after an
// unsynced batch), so that recovery can tell a torn tail from damage. After a failed write the
// batch is cut off again and the segment closed; after a failed Sync the stream must not be used
// any more. Threads: one caller at a time.
class LogStream {
 public:
  // `shared` outlives the stream.
  LogStream(LogShared* shared, std::uint32_t ttl_class);

  // Goes on with an unsealed segment of `bytes` bytes of whole, synced records.
  void Resume(const SegmentEntry& entry, std::unique_ptr<WritableFile> file, std::uint64_t bytes);

  // Writes `records` in one piece and returns where each lies. Not yet synced.
  // RESOURCE_EXHAUSTED: no space, nothing was written. UNAVAILABLE: the disk failed; what was
  // written is cut off again and the segment given up.
  StatusOr<std::vector<RecordLocation>> Append(std::span<RecordToAppend> records,
                                               std::uint64_t now_seconds);

  // One fdatasync, if there is something to sync.
  Status Sync();

  // An unsynced batch is to be synced by the next Maintain (`sync = interval`).
  void WantSync() { sync_wanted_ = true; }
  bool sync_wanted() const { return sync_wanted_ && needs_sync_; }
  // Whether nothing was appended since the last time it was asked.
  bool IsAtRest() { return std::exchange(size_when_asked_, size_) == size_; }

  // Writes a sync mark for what the last Sync covered, if it has none, and syncs it. For idle
  // times.
  Status Mark();

  // Ends the active segment, if it has records: sync, seal, sync. The next Append begins a new one.
  // Returns the entry of the sealed segment, or nullopt if there was none to seal.
  StatusOr<std::optional<SegmentEntry>> Seal();

  std::uint32_t ttl_class() const { return ttl_class_; }
  // The end of what is synced: an index that has taken all appended records may say that it covers
  // the log up to here, and no further. nullopt: no active segment.
  std::optional<CoveredPosition> position() const;
  // The active segment's creation; 0: none, or no records in it.
  std::uint64_t active_since() const {
    return file_ != nullptr && dirty_ever_ ? entry_.created : 0;
  }
  bool needs_sync() const { return needs_sync_; }
  // An fdatasync failed: what is on disk is unknown, and the stream must not be used any more.
  bool sync_failed() const { return sync_failed_; }
  bool needs_mark() const { return file_ != nullptr && !needs_sync_ && size_ > marked_upto_; }
  // What the index should know of this stream's segments: the active one as it is now (`bytes`: all
  // that was appended, synced or not), and those that were sealed or given up since the last call.
  std::vector<SegmentEntry> TakeChanged();

 private:
  Status Begin(std::uint64_t now_seconds);
  Status Reserve(std::uint64_t bytes);
  Status WriteSeal();
  Status SyncFile(WritableFile* file);
  void GiveUp();
  RecordHeader SyncMarkHeader();

  LogShared* shared_;
  const std::uint32_t ttl_class_;
  std::unique_ptr<WritableFile> file_;  // nullptr: no active segment
  SegmentEntry entry_;
  std::uint64_t salt_ = 0;
  std::uint64_t size_ = 0;    // of whole records
  std::uint64_t synced_ = 0;  // of size_
  std::uint64_t allocated_ = 0;
  std::uint64_t marked_upto_ = 0;  // end of the last sync mark
  bool needs_sync_ = false;
  bool sync_wanted_ = false;
  std::uint64_t size_when_asked_ = 0;
  bool dirty_ever_ = false;  // has records
  bool sync_failed_ = false;
  std::vector<SegmentEntry> ended_;
};

}  // namespace carillon
