#include "storage/retention.h"

#include <algorithm>
#include <map>

namespace carillon {

std::vector<SegmentDrop> PlanRetention(const std::vector<SegmentEntry>& segments,
                                       std::uint64_t now_seconds, const DiskSpace& space,
                                       const RetentionRules& rules) {
  std::vector<SegmentDrop> drops;
  std::vector<const SegmentEntry*> kept;
  std::uint64_t freed = 0;
  std::map<std::uint32_t, SegmentId> oldest;  // of each class
  for (const SegmentEntry& segment : segments) {
    const auto [of_class, first] = oldest.emplace(segment.ttl_class, segment.id);
    if (!first) of_class->second = std::min(of_class->second, segment.id);
  }
  for (const SegmentEntry& segment : segments) {
    if (!segment.sealed) continue;
    // Without its drops an index made anew would bring back what they killed in older segments.
    if (segment.has_drops && segment.id != oldest.at(segment.ttl_class)) continue;
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
