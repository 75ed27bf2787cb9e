#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "storage/key_value.h"
#include "storage/memory_key_value.h"
#include "tests/sim/support/simulated_file_system.h"

namespace carillon {

// Indexes on a simulated machine: a crash brings back what was flushed, and in the manner
// kKeepSome any number of later batches (RocksDB flushes in the background when it likes).
// A flush is one operation of the machine (DiskCall::kOther), so that it can be stopped at and
// failed there.
//
// Threads: as KeyValueFactory. `machine` outlives it.
class SimulatedKeyValueFactory final : public KeyValueFactory {
 public:
  explicit SimulatedKeyValueFactory(SimulatedFileSystem* machine);

  StatusOr<std::unique_ptr<KeyValueStore>> Open(const std::string& directory) override;
  Status Destroy(const std::string& directory) override;

  // The next Open of any directory says DATA_LOSS, until Destroy.
  void Damage(const std::string& directory);
  // As if the directory had been removed.
  void Lose(const std::string& directory);

 private:
  friend class SimulatedKeyValueStore;
  struct Disk {
    std::vector<KeyValueBatch> unflushed;  // in order
    bool damaged = false;
  };
  void Crash(CrashManner manner, Random* random);

  SimulatedFileSystem* machine_;
  std::mutex mutex_;  // of what follows
  MemoryKeyValueFactory flushed_;
  std::map<std::string, Disk> disks_;
};

}  // namespace carillon
