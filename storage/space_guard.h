#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "storage/file_system.h"

namespace carillon {

// Refuses new data before a disk is full, and keeps a ballast file that is let go when even the
// node's own upkeep (index, seals) finds no space. Comes back by itself when there is space again.
// Threads: full() from any; the rest one caller at a time.
class SpaceGuard {
 public:
  // `min_free`: fraction of the disk below which new data is refused. The ballast is
  // `ballast_bytes`, at most 1 % of the disk. `files` outlives the guard.
  SpaceGuard(FileSystem* files, std::string directory, double min_free,
             std::uint64_t ballast_bytes);

  // Looks at the disk; puts the ballast there if it is missing and there is twice the room for it.
  // UNAVAILABLE: the disk cannot be asked; full() stays as it was.
  StatusOr<DiskSpace> Check();

  // The disk ran out of space in the middle of something: refuse at once, and let the ballast go.
  void HandleNoSpace();

  // Bytes that may be written before the disk counts as full. Any thread. UNAVAILABLE: as Check.
  StatusOr<std::uint64_t> Room() const;

  bool full() const { return full_.load(std::memory_order_relaxed); }

 private:
  bool HasRoom(const DiskSpace& space) const;
  void PutBallast(const DiskSpace& space);

  FileSystem* files_;
  const std::string directory_;
  const double min_free_;
  const std::uint64_t ballast_bytes_;
  std::atomic<bool> full_{false};
};

}  // namespace carillon
