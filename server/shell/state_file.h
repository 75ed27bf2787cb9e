#pragma once

#include <optional>
#include <string>

#include "base/status.h"
#include "ring/cluster_state.h"
#include "storage/file_system.h"

namespace carillon {

// The cluster state on this node's disk: two slots, written in turn, each whole or absent (CRC), so
// that there is always a good one. Bytes: docs/FORMATS.md, "State file". Threads: one caller.
class StateFile {
 public:
  // Slots are `directory`/cluster-state.0 and .1. `files` outlives it.
  StateFile(FileSystem* files, std::string directory);

  // The newest good slot; nullopt: none was ever written.
  // DATA_LOSS: there are slots and none is good. UNAVAILABLE: the disk does not give a slot.
  StatusOr<std::optional<ClusterState>> Load();
  // OK: `state` survives a crash.
  Status Save(const ClusterState& state);

 private:
  std::string SlotName(std::uint64_t version) const;

  FileSystem* files_;
  const std::string directory_;
};

}  // namespace carillon
