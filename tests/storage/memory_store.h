#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "storage/memory_key_value.h"
#include "storage/store.h"
#include "tests/storage/store_fixture.h"

namespace carillon {

// An open store with nothing outside this program, for tests with many threads: every byte of it is
// code that the thread sanitizer sees.
struct MemoryStore {
  explicit MemoryStore(std::size_t disks = 1) {
    EXPECT_TRUE(files.MakeDirectory("/srv").ok());
    StoreOptions options;
    options.files = &files;
    options.indexes = &indexes;
    options.clock = &clock;
    for (std::size_t i = 0; i < disks; ++i) {
      options.directories.push_back("/srv/data" + std::to_string(i));
    }
    options.identity.cluster.bytes[0] = 1;
    options.identity.node.bytes[0] = 2;
    options.partition_bits = kTestPartitionBits;
    options.segment_bytes = 1 << 20;
    options.allocate_bytes = 64 << 10;
    options.ballast_bytes = 0;
    options.min_free = 0;
    auto opened = Store::Open(options);
    EXPECT_TRUE(opened.ok()) << ToString(opened.status());
    store = std::move(*opened);
  }

  SimulatedFileSystem files;
  MemoryKeyValueFactory indexes;
  SimulatedClock clock{kTestNow};
  std::unique_ptr<Store> store;
};

}  // namespace carillon
