#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/status.h"
#include "collector/copies/spool_copier.h"
#include "storage/file_system.h"

namespace carillon {

struct RestoreReport {
  bool restored = false;  // false: there is no copy, or the spool is not empty
  std::string peer;       // that had it
  std::uint64_t generation = 0;
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;
};

// Was nothing ever in it, or has its disk been lost? Also after a restoration that was interrupted.
bool IsSpoolEmpty(FileSystem* files, const std::string& directory);

// Fills an empty spool with the newest copy that a peer has; does nothing with one that is not
// empty. All peers must answer: one that is away might have a newer copy, or the only one. Nobody
// else may have the spool open.
//
// UNAVAILABLE: a peer did not answer (it is named); to be tried again.
// INVALID_ARGUMENT: a peer keeps no copies under this name, which is its own. Others: as
// FileSystem.
StatusOr<RestoreReport> RestoreSpool(FileSystem* files, const std::string& directory,
                                     const std::string& name, const std::vector<CopyPeer>& peers);

}  // namespace carillon
