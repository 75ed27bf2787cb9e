#pragma once

#include <cstdint>
#include <vector>

#include "storage/file_system.h"
#include "storage/index.h"

// Which segments have outlived their time. Pure.
namespace carillon {

struct RetentionRules {
  std::uint64_t expiry_grace_seconds = 300;
  double watermark_free = 0;  // 0: none
};

enum class DropReason { kExpired, kSpace };

struct SegmentDrop {
  SegmentId id;
  DropReason reason = DropReason::kExpired;
};

// Sealed segments all of whose records expired more than the grace ago; and, while the disk has
// less free than the watermark, the sealed segments with the oldest data first, as many as it takes
// to be above it again. In the order in which they are to be dropped. A segment with partition
// drops stays until it is the oldest of its class.
std::vector<SegmentDrop> PlanRetention(const std::vector<SegmentEntry>& segments,
                                       std::uint64_t now_seconds, const DiskSpace& space,
                                       const RetentionRules& rules);

}  // namespace carillon
