#pragma once

#include <cstdint>
#include <memory>

#include "storage/key_value.h"

namespace carillon {

struct RocksdbOptions {
  std::uint64_t cache_bytes = std::uint64_t{128} << 20;  // blocks, filters, indexes: one cache
  std::uint64_t write_buffer_bytes = std::uint64_t{64} << 20;  // of all families together
};

// Stores in RocksDB: no write-ahead log (segments are it), atomic flush of all families. All stores
// of one factory share one cache, so that memory is bounded by RocksdbOptions, not by keys.
// Open verifies every block of an index under 256 MiB; larger ones are verified as they are read.
std::unique_ptr<KeyValueFactory> NewRocksdbFactory(const RocksdbOptions& options);

}  // namespace carillon
