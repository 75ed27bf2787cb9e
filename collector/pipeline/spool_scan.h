#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/status.h"
#include "collector/pipeline/spool_log.h"
#include "storage/file_system.h"
#include "storage/segment_format.h"

namespace carillon {

// What a segment of a spool was found to be.
struct SpoolScan {
  std::uint64_t end = kSegmentHeaderBytes;  // of its last good record: what follows may be cut off
  std::uint64_t next_number = 1;            // above all that were seen
  bool sealed = false;
  bool readable = true;             // false: the disk failed, and what follows `end` is unknown
  std::vector<std::string> damage;  // each stretch, in words; at most kMaxDamageReasons of them
};
inline constexpr std::size_t kMaxDamageReasons = 1000;

// Reads all of a segment: visits the good records in order, and tells a torn tail (bad bytes at
// the very end, never known to be on disk) from damage, as docs/FORMATS.md says. A part that the
// disk cannot read is damage up to the end of the segment.
//
// Errors: those of `visit` only.
StatusOr<SpoolScan> ScanSpoolSegment(const ReadableFile& file, const SegmentHeader& header,
                                     const std::function<Status(SpoolItem)>& visit);

}  // namespace carillon
