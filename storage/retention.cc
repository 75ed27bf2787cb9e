#include "storage/retention.h"

#include <algorithm>

namespace carillon {

std::vector<SegmentDrop> PlanRetention(const std::vector<SegmentEntry>& segments,
                                       std::uint64_t now_seconds, const DiskSpace& space,
                                       const RetentionRules& rules) {
  std::vector<SegmentDrop> drops;
  std::vector<const SegmentEntry*> kept;
  std::uint64_t freed = 0;
  for (const SegmentEntry& segment : segments) {
    if (!segment.sealed) continue;
    const SegmentSummary& summary = segment.summary;
    const bool expired = !summary.forever && summary.records > 0 &&
                         summary.max_expire_at + rules.expiry_grace_seconds < now_seconds;
    if (expired || summary.records == 0) {
      drops.push_back({segment.id, DropReason::kExpired});
      freed += segment.bytes;
    } else {
      kept.push_back(&segment);
    }
  }
  const auto wanted =
      static_cast<std::uint64_t>(static_cast<double>(space.total_bytes) * rules.watermark_free);
  std::sort(kept.begin(), kept.end(), [](const SegmentEntry* a, const SegmentEntry* b) {
    return std::pair(a->summary.last_epoch, a->id) < std::pair(b->summary.last_epoch, b->id);
  });
  for (const SegmentEntry* segment : kept) {
    if (space.free_bytes + freed >= wanted) break;
    drops.push_back({segment->id, DropReason::kSpace});
    freed += segment->bytes;
  }
  return drops;
}

}  // namespace carillon
