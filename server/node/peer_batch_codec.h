#pragma once

#include <cstddef>
#include <vector>

#include "base/bytes.h"
#include "base/status.h"

// Several requests of one node to another, or their replies, as one message (docs/FORMATS.md, "Node
// to node, many at once"): how many, the length of each, and then all of them, in order.
//
// All pure; threads: any. Cost: O(parts + pieces); no byte of a part is copied.
namespace carillon {

inline constexpr std::size_t kMaxPeerBatch = 1024;  // parts

// Requires: at most kMaxPeerBatch parts, each below 4 GiB.
Rope EncodePeerBatch(const std::vector<Rope>& parts);

// Each part shares the pieces of `batch`.
// DATA_LOSS: not what EncodePeerBatch makes: cut short, too long, or too many parts.
StatusOr<std::vector<Rope>> DecodePeerBatch(const Rope& batch);

}  // namespace carillon
