#pragma once

#include <optional>
#include <string>

#include "collector/config.h"
#include "collector/dead_command.h"

namespace carillon {

// What one call of carillon-collector is for.
struct CollectorCommand {
  enum class Kind {
    kRun,
    kCheckConfig,  // say whether the configuration is good
    kPrintConfig,  // every key with its meaning and value
    kCreateKey,    // a key for `tenant`
    kDead,         // `dead`
    kDrain,        // a copy of another collector's spool into the ring
  } kind = Kind::kRun;
  CollectorConfig config;
  std::string file;    // that was read; may be empty
  std::string tenant;  // of kCreateKey
  DeadCommand dead;    // of kDead
};

// Reads flags, and the file they name; flags win. nullopt: all is done (--help, --version), or a
// flag is wrong; `exit_code` is set, and what there is to say was printed.
// INVALID_ARGUMENT: the file.
StatusOr<std::optional<CollectorCommand>> ParseCommandLine(int argc, char** argv, int* exit_code);

}  // namespace carillon
