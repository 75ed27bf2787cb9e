#pragma once

#include <string>
#include <vector>

#include "base/status.h"

namespace carillon {

struct CollectorConfig;

// carillon-collector dead: what the store refused for good (docs/OPERATIONS.md, "Dead letters").
struct DeadCommand {
  enum class Verb { kList, kShow, kRetry, kDrop } verb = Verb::kList;
  std::vector<std::string> keys;  // of chunks; of kShow one
  std::string tenant;
  bool all = false;
};

// Prints to standard output. Of the configuration: the spool, and the endpoints, which are asked
// for the dictionary that a chunk needs to be shown. INVALID_ARGUMENT: no spool, or what is chosen
// is not clear. Others: as dead_letter_box.h, and of the ring.
Status RunDead(const DeadCommand& command, const CollectorConfig& config);

}  // namespace carillon
