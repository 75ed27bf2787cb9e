#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/bytes.h"
#include "base/status.h"
#include "storage/file_system.h"
#include "storage/segment_format.h"

namespace carillon {

// One step of a scan.
struct ScanItem {
  enum class Kind {
    kRecord,  // header and key are good; value_status says whether the value is
    kDamage,  // [offset, limit) holds no valid record and a valid one, or the seal, follows
    kEnd,     // nothing valid from `offset` on; `clean` when only zeros, or nothing, follow
  };
  Kind kind = Kind::kEnd;
  std::uint64_t offset = 0;
  std::uint64_t limit = 0;  // the first byte after the record or the damage; end of file at kEnd
  RecordHeader header;      // of a record
  Bytes key;                // of a record
  Bytes value;              // of a record, when values are read (always for other than chunks)
  Status value_status;      // DATA_LOSS: the value does not match its CRC
  bool clean = false;
  std::string reason;  // of damage, and of an unclean end
};

// Reads a segment from front to back and never gives up: after damage it looks for the next valid
// record at every multiple of 8 (magic, header CRC with salt and offset). Reading stops only at the
// end of the file.
//
// With `read_values` off, values of chunks are not read, only stepped over: the cost is then that
// of reading the headers.
// Threads: one caller at a time. Memory: a buffer of 1 MiB and one value.
class SegmentScanner {
 public:
  // `file` outlives the scanner; the scan begins at `from` (a record's first byte).
  SegmentScanner(const ReadableFile* file, const SegmentHeader& segment, std::uint64_t from,
                 bool read_values);

  // The next item; kEnd comes last and then again and again.
  // UNAVAILABLE: the disk failed to read.
  StatusOr<ScanItem> Next();

 private:
  StatusOr<std::optional<ScanItem>> ReadRecord(std::uint64_t offset);
  StatusOr<ScanItem> Resync(std::uint64_t from, const std::string& reason);
  StatusOr<ByteSpan> Window(std::uint64_t offset, std::size_t size);
  StatusOr<bool> OnlyZerosFrom(std::uint64_t offset);

  const ReadableFile* file_;
  const SegmentHeader segment_;
  const bool read_values_;
  std::uint64_t at_;
  std::optional<std::uint64_t> file_bytes_;
  std::uint64_t window_at_ = 0;
  Bytes window_;
  std::string damage_;  // why the last ReadRecord found none
};

}  // namespace carillon
