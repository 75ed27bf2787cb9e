#include "tests/sim/support/quiet_log.h"

#include <cstdio>

#include "base/log.h"

namespace carillon {

void QuietLog() {
  // The logger takes the stream that is `stderr` when it is first used (glibc lets it be set);
  // descriptor 2 stays what it is.
  static std::FILE* const nowhere = std::fopen("/dev/null", "w");
  std::FILE* const terminal = stderr;
  if (nowhere == nullptr) return;
  stderr = nowhere;
  StartLogging({.level = LogLevel::kError});
  stderr = terminal;
}

}  // namespace carillon
