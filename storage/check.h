#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "storage/digest.h"
#include "storage/file_system.h"
#include "storage/key_value.h"

// Offline verification of one data directory: every CRC, and the index against the log both ways.
// Changes nothing but what opening an index changes.
namespace carillon {

struct CheckFinding {
  bool damage =
      true;  // false: worth knowing, and harmless (a torn tail that was never acknowledged)
  std::string where;  // "segment 3 at 81920"
  std::string what;
};

// The sum of a partition's digests, as homes compare them.
struct PartitionDigest {
  PartitionId partition;
  Digest digest;
};

struct CheckReport {
  std::uint64_t segments = 0;
  std::uint64_t segment_bytes = 0;
  std::uint64_t chunks = 0;           // good records
  std::uint64_t manifests = 0;        // likewise
  std::uint64_t claims = 0;           // ids in good records
  std::uint64_t value_bytes = 0;      // of good chunks
  std::uint64_t damaged = 0;          // findings that are damage
  std::uint64_t index_entries = 0;    // of chunks; 0 when there is no index
  std::uint64_t not_indexed_yet = 0;  // records after what the index covers: replayed at the start
  bool has_index = false;
  std::vector<PartitionDigest> digests;  // of partitions with entries; none without an index
  std::vector<CheckFinding> findings;    // the first kMaxFindings

  static constexpr std::size_t kMaxFindings = 1000;
  bool good() const { return damaged == 0; }
};

// `progress` is called now and then with the bytes read so far and the bytes there are.
// FAILED_PRECONDITION: not a data directory, or a node has it open.
StatusOr<CheckReport> CheckDirectory(
    FileSystem* files, KeyValueFactory* indexes, const std::string& path,
    const std::function<void(std::uint64_t, std::uint64_t)>& progress);

}  // namespace carillon
