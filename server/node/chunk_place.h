#pragma once

#include <cstdint>

#include "base/chunk_key.h"
#include "base/ids.h"

// Where a key lives on the ring, and what an index says of a chunk: words that requests, effects,
// and messages between nodes share.
namespace carillon {

struct StorePlace {
  PartitionId partition;
  std::uint16_t ring_position = 0;
};
struct ChunkPlace {
  PartitionId partition;
  ChunkKey key;
};
struct ChunkFound {
  std::uint32_t value_bytes = 0;
  std::uint32_t value_crc = 0;
};

}  // namespace carillon
