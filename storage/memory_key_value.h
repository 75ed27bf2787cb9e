#pragma once

#include <array>
#include <map>
#include <memory>
#include <mutex>

#include "storage/key_value.h"

namespace carillon {

// A KeyValueStore in memory. What a Flush covered is kept in a MemoryKeyValueDisk, so that a
// simulated crash brings back just that.
using MemoryFamily = std::map<Bytes, Bytes, std::less<>>;
// Shared with those who read what is there now: copied before it is changed. Null: empty.
using MemoryFamilies = std::array<std::shared_ptr<MemoryFamily>, kFamilies>;

// The "disk" under stores in memory, by directory. Threads: any.
class MemoryKeyValueFactory final : public KeyValueFactory {
 public:
  StatusOr<std::unique_ptr<KeyValueStore>> Open(const std::string& directory) override;
  Status Destroy(const std::string& directory) override;

 private:
  friend class MemoryKeyValueStore;
  std::mutex mutex_;
  std::map<std::string, MemoryFamilies> flushed_;
};

}  // namespace carillon
