#pragma once

#include <cstdint>
#include <vector>

#include "storage/index.h"
#include "storage/segment_reader.h"
#include "storage/segment_scanner.h"
#include "storage/segment_table.h"

// From segments back to the index: what a start does with the tail of a log, and with all of it
// when the index is lost.
namespace carillon {

// How one segment ended.
struct SegmentReplay {
  std::uint64_t valid_bytes = kSegmentHeaderBytes;  // end of the last record that is kept
  bool sealed = false;
  bool torn = false;          // an unacknowledged tail after valid_bytes is to be cut off
  bool damaged = false;       // something was quarantined
  bool has_drops = false;     // a partition drop was among the records
  std::uint64_t records = 0;  // chunks, manifests, and claims seen
  std::uint64_t next_sequence = 1;
  SegmentSummary summary;
};

// Replays segments of one disk into its index. The index sees a record twice without harm.
// Threads: one caller at a time.
class Replayer {
 public:
  // All outlive the replayer. `segments` are those of the disk, missing ones too.
  Replayer(Index* index, std::uint32_t partition_bits, const SegmentTable* segments);

  // Applies the records of `reader` from `from` on. `durable` bytes of it are known to have been on
  // disk before: what is bad below them, or below the last sync mark found, or has good records
  // after it, is damage and goes to quarantine; what is bad at the very end above them is a torn
  // tail. `read_values`: also verify the values of chunks.
  StatusOr<SegmentReplay> Replay(const SegmentReader& reader, std::uint64_t from,
                                 std::uint64_t durable, bool read_values);

  // Where chunks lay that drops took out of the index since the last call.
  std::vector<RecordLocation> TakeDropped() { return std::exchange(dropped_, {}); }

 private:
  IndexUpdate NewUpdate() const;
  Status Apply(const ScanItem& item, SegmentId segment, IndexUpdate* update);
  Status ApplyChunk(const ScanItem& item, SegmentId segment, IndexUpdate* update);
  Status ApplyManifest(const ScanItem& item, SegmentId segment, IndexUpdate* update);
  Status ApplyClaims(const ScanItem& item, SegmentId segment, IndexUpdate* update);
  Status ApplyDrop(const PartitionDrop& drop, SegmentId segment);
  Status QuarantineAll(std::vector<ScanItem>* suspects, SegmentId segment, IndexUpdate* update,
                       SegmentReplay* replay);
  Status Quarantine(const ScanItem& item, std::uint64_t limit, SegmentId segment,
                    IndexUpdate* update);
  PartitionId PartitionOf(std::uint16_t ring_position) const;

  Index* index_;
  const std::uint32_t partition_bits_;
  const SegmentTable* segments_;
  std::vector<RecordLocation> dropped_;
};

// Takes all that a partition drop covers out of the index: whatever its partitions have in segments
// of `ttl_class` (a drop is written to the stream of every class), missing ones too. Returns where
// the chunks lay, to be punched out. Done in part, and done twice, it does no harm.
StatusOr<std::vector<RecordLocation>> RemoveDropped(Index* index, const PartitionDrop& drop,
                                                    std::uint32_t partition_bits,
                                                    std::uint32_t ttl_class,
                                                    const SegmentTable& segments);

}  // namespace carillon
