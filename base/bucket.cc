#include "base/bucket.h"

#include "base/chunk_key.h"

namespace carillon {

std::string_view ToString(SyncMode mode) {
  switch (mode) {
    case SyncMode::kAlways:
      return "always";
    case SyncMode::kInterval:
      return "interval";
    case SyncMode::kOs:
      return "os";
  }
  return "always";
}

StatusOr<SyncMode> ParseSyncMode(std::string_view text) {
  for (const SyncMode mode : {SyncMode::kAlways, SyncMode::kInterval, SyncMode::kOs}) {
    if (text == ToString(mode)) return mode;
  }
  return InvalidArgument("sync '{}': want always, interval, or os", text);
}

Status Validate(const BucketProperties& properties) {
  if (properties.n_val < 1 || properties.n_val > kMaxReplicas) {
    return InvalidArgument("n_val {} is not in 1..{}", properties.n_val, kMaxReplicas);
  }
  if (properties.w > properties.n_val) {
    return InvalidArgument("w {} is above n_val {}", properties.w, properties.n_val);
  }
  if (properties.ttl_seconds > kMaxTtlSeconds) {
    return InvalidArgument("ttl {} s is above {} s; use forever", properties.ttl_seconds,
                           kMaxTtlSeconds);
  }
  if (properties.max_chunk_bytes < kMinChunkBytesLimit ||
      properties.max_chunk_bytes > kMaxChunkBytesLimit) {
    return InvalidArgument("max_chunk_bytes {} is not in {}..{}", properties.max_chunk_bytes,
                           kMinChunkBytesLimit, kMaxChunkBytesLimit);
  }
  return OkStatus();
}

StatusOr<std::uint64_t> ParseTtl(std::string_view text) {
  if (text == "forever") return 0;
  std::uint64_t unit = 1;
  std::string_view digits = text;
  if (!text.empty()) {
    switch (text.back()) {
      case 'd':
        unit = 86400;
        break;
      case 'h':
        unit = 3600;
        break;
      case 'm':
        unit = 60;
        break;
      case 's':
        unit = 1;
        break;
      default:
        unit = 0;
        break;
    }
    if (unit != 0) digits.remove_suffix(1);
    if (unit == 0) unit = 1;
  }
  ASSIGN_OR_RETURN(const std::uint64_t count, ParseDecimal("ttl", digits, kMaxTtlSeconds / unit));
  if (count == 0) return InvalidArgument("ttl 0: use 'forever', or a duration such as 8d or 36h");
  return count * unit;
}

std::string FormatTtl(std::uint64_t ttl_seconds) {
  if (ttl_seconds == 0) return "forever";
  if (ttl_seconds % 86400 == 0) return fmt::format("{}d", ttl_seconds / 86400);
  if (ttl_seconds % 3600 == 0) return fmt::format("{}h", ttl_seconds / 3600);
  if (ttl_seconds % 60 == 0) return fmt::format("{}m", ttl_seconds / 60);
  return fmt::format("{}s", ttl_seconds);
}

}  // namespace carillon
