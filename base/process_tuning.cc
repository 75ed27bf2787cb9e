#include "base/process_tuning.h"

#include <malloc.h>

#include <algorithm>
#include <thread>

#include <absl/synchronization/mutex.h>

namespace carillon {

void TuneProcess() {
  constexpr int kMiB = 1 << 20;
  const int cores = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  (void)::mallopt(M_MMAP_THRESHOLD, 32 * kMiB);
  (void)::mallopt(M_TRIM_THRESHOLD, 128 * kMiB);
  (void)::mallopt(M_TOP_PAD, kMiB);
  (void)::mallopt(M_ARENA_MAX, cores);
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
}

}  // namespace carillon
