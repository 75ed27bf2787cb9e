#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "base/chunk_key.h"
#include "base/status.h"
#include "crunch/dictionary.h"

namespace carillon {

// Dictionaries that were fetched, by their keys; beyond kMaxDictionaries the one that was used
// least recently goes. Threads: any, at once.
class DictionaryCache {
 public:
  static constexpr std::size_t kMaxDictionaries = 256;  // 50 KB each

  // Null: not here.
  std::shared_ptr<const Dictionary> Find(const ChunkKey& key);

  // What was fetched as `key`. NOT_FOUND and DATA_LOSS name it: no such chunk, or not the
  // dictionary of this number. Nothing is kept after an error.
  StatusOr<std::shared_ptr<const Dictionary>> Keep(const ChunkKey& key, StatusOr<Bytes> fetched);

 private:
  struct Entry {
    std::shared_ptr<const Dictionary> dictionary;
    std::uint64_t used = 0;  // the clock_ of its last use
  };

  std::mutex mutex_;
  std::uint64_t clock_ = 0;
  std::map<ChunkKey, Entry> entries_;
};

}  // namespace carillon
