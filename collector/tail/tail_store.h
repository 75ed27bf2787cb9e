#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "collector/pipeline/intake.h"
#include "collector/tail/tail_state.h"
#include "storage/file_system.h"

namespace carillon {

// The positions of a spool's files, on the disk: the file TAIL, replaced whole.
//
// A position that is behind is no harm as long as the intake has the events behind it: their ids
// say how far the files were read. So it must be saved before the intake is trimmed, and before
// anything is read of a file that it does not know. Then each line is kept exactly once.
//
// Threads: any, at once.
class TailStore {
 public:
  // `directory` exists. DATA_LOSS: damaged; whoever removes the file lets all tails start anew.
  // Others: as FileSystem.
  static StatusOr<std::unique_ptr<TailStore>> Open(FileSystem* files, std::string directory);

  // Before anything is read: the intake has this request.
  void Believe(const IntakeRequest& request);

  TailState state() const;
  // All positions, as they are now.
  void Set(TailState state);
  // What is kept. A file that is not known: changes nothing.
  void Advance(const std::vector<TailAdvance>& advances);
  // Makes what was set so far survive a crash. Cost: nothing, or a write and an fdatasync.
  // Errors: as ReplaceFile.
  Status Save();

 private:
  TailStore(FileSystem* files, std::string directory)
      : files_(files), directory_(std::move(directory)) {}

  FileSystem* const files_;
  const std::string directory_;
  std::mutex saving_;  // before mutex_
  mutable std::mutex mutex_;
  TailState state_;
  bool saved_ = false;
};

}  // namespace carillon
