#pragma once

#include "base/status.h"
#include "collector/config.h"

namespace carillon {

// Sends all that is in the copy of a spool (config.spool: SPOOL/copies/NAME/0, 1, or 2) to the
// ring, as the collector would have that it is a copy of, and removes it. For a collector that
// never comes back with its disk. Runs until the copy is empty; SIGTERM and SIGINT stop it, and it
// can be begun again. INVALID_ARGUMENT: it is no whole copy. FAILED_PRECONDITION: somebody has it
// open.
Status DrainCopy(const CollectorConfig& config);

}  // namespace carillon
