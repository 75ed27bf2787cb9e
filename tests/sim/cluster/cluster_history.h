#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "base/bytes.h"
#include "base/chunk_info.h"

namespace carillon {

inline constexpr char kSimBucket[] = "events";
// Beside it, in worlds with buckets of all sizes.
inline constexpr char kSimBucketOfOne[] = "one";  // n_val 1
inline constexpr char kSimBucketOfTwo[] = "two";  // n_val 2, w 1

// Where a chunk of a world belongs: the type of its key says it.
inline const std::string& SimBucketOf(const ChunkKey& key) {
  return key.type;
}

// What clients asked for, and what they were answered.
struct HistoryChunk {
  ChunkInfo info;
  Bytes value;
  bool acknowledged = false;  // its PUT
  bool commit_tried = false;  // some commit named it, whatever became of that
  bool committed = false;     // a commit that named it was acknowledged
};

struct ClusterHistory {
  std::map<std::string, HistoryChunk> chunks;  // by key
  std::uint64_t puts = 0;
  std::uint64_t commits = 0;
  std::uint64_t reads = 0;
  std::uint64_t failed = 0;    // gave up: not known what became of it
  std::uint64_t unlisted = 0;  // committed, and missing in a list; it may be with a fallback
};

}  // namespace carillon
