#pragma once

#include "base/clock.h"

namespace carillon {

// While one exists, SIGINT and SIGTERM ask the verb to end instead of killing it; a second one
// kills. At most one at a time. Threads: one caller at a time.
class StopSignal {
 public:
  StopSignal();
  ~StopSignal();
  StopSignal(const StopSignal&) = delete;
  StopSignal& operator=(const StopSignal&) = delete;

  bool IsRaised() const;
  // Waits until `time` or the signal. True: it is raised.
  bool WaitUntil(Instant time);
};

}  // namespace carillon
