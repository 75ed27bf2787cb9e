#include "storage/space_guard.h"

#include <algorithm>

#include "base/log.h"

namespace carillon {

SpaceGuard::SpaceGuard(FileSystem* files, std::string directory, double min_free,
                       std::uint64_t ballast_bytes)
    : files_(files),
      directory_(std::move(directory)),
      min_free_(min_free),
      ballast_bytes_(ballast_bytes) {}

bool SpaceGuard::HasRoom(const DiskSpace& space) const {
  return static_cast<double>(space.free_bytes) >=
         static_cast<double>(space.total_bytes) * min_free_;
}

StatusOr<std::uint64_t> SpaceGuard::Room() const {
  ASSIGN_OR_RETURN(const DiskSpace space, files_->Space(directory_));
  const auto kept = static_cast<std::uint64_t>(static_cast<double>(space.total_bytes) * min_free_);
  return space.free_bytes - std::min(space.free_bytes, kept);
}

StatusOr<DiskSpace> SpaceGuard::Check() {
  ASSIGN_OR_RETURN(const DiskSpace space, files_->Space(directory_));
  const bool full = !HasRoom(space);
  if (full != full_.exchange(full)) {
    if (full) {
      LogError("{}: {} of {} bytes are free: new data is refused until there is more", directory_,
               space.free_bytes, space.total_bytes);
    } else {
      LogInfo("{}: there is space again: new data is taken", directory_);
    }
  }
  if (!full) PutBallast(space);
  return space;
}

void SpaceGuard::PutBallast(const DiskSpace& space) {
  const std::string path = directory_ + "/ballast";
  const std::uint64_t bytes = std::min(ballast_bytes_, space.total_bytes / 100);
  if (bytes == 0 || files_->Exists(path) || space.free_bytes < 2 * bytes) return;
  const auto file = files_->Create(path);
  if (!file.ok()) return;
  if (const Status status = (*file)->Allocate(bytes); !status.ok()) {
    (void)files_->Remove(path);  // next Check tries again
  }
}

void SpaceGuard::HandleNoSpace() {
  full_.store(true);
  const std::string path = directory_ + "/ballast";
  if (!files_->Exists(path)) return;
  const Status status = files_->Remove(path);
  LogError("{}: the disk is full: {}", directory_,
           status.ok() ? "the ballast is let go" : ToString(status));
}

}  // namespace carillon
