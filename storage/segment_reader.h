#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/bytes.h"
#include "base/status.h"
#include "storage/file_system.h"
#include "storage/segment_format.h"

namespace carillon {

// Where a record lies.
struct RecordLocation {
  SegmentId segment;
  std::uint64_t offset = 0;
  std::uint32_t record_bytes = 0;
  friend auto operator<=>(const RecordLocation&, const RecordLocation&) = default;
};

struct StoredRecord {
  RecordHeader header;
  Bytes key;
  SharedBytes value;
};

// Random reads of one segment. Threads: any, at once.
class SegmentReader {
 public:
  // DATA_LOSS: the header block is damaged. Others: as FileSystem.
  static StatusOr<std::shared_ptr<SegmentReader>> Open(FileSystem* files, const std::string& path);

  const SegmentHeader& header() const { return header_; }
  const ReadableFile& file() const { return *file_; }

  // Reads the record at `location` and verifies every byte of it: one read of the disk.
  // DATA_LOSS: not that record, or damaged; says how.
  StatusOr<StoredRecord> Read(const RecordLocation& location) const;
  // The same, if the record is whole and in memory (ReadableFile::ReadAtOnce).
  std::optional<StoredRecord> ReadAtOnce(const RecordLocation& location) const;

 private:
  // Takes over `owner`, the first `got` bytes of which were read.
  StatusOr<StoredRecord> Verify(const RecordLocation& location, std::shared_ptr<char[]> owner,
                                std::size_t got) const;
  SegmentReader(std::unique_ptr<ReadableFile> file, SegmentHeader header, std::string path);

  const std::unique_ptr<ReadableFile> file_;
  const SegmentHeader header_;
  const std::string path_;
};

}  // namespace carillon
