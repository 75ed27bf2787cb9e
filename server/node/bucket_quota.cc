#include "server/node/bucket_quota.h"

#include <algorithm>

#include "base/retry_hint.h"

namespace carillon {

Status BucketQuota::Take(const std::string& name, const BucketProperties& bucket,
                         std::uint64_t bytes, Instant now) {
  const std::uint64_t quota = bucket.quota_bytes_per_second;
  if (quota == 0) return OkStatus();
  const auto [it, fresh] = allowances_.try_emplace(name, Allowance{.since = now, .bytes = quota});
  Allowance& allowance = it->second;
  const auto passed_us = static_cast<std::uint64_t>(std::clamp<std::int64_t>(
      std::chrono::duration_cast<std::chrono::microseconds>(now - allowance.since).count(), 0,
      1'000'000));
  const std::uint64_t earned =
      quota / 1'000'000 * passed_us + quota % 1'000'000 * passed_us / 1'000'000;
  const std::uint64_t have = std::min(quota, allowance.bytes + earned);
  const std::uint64_t want = std::min(bytes, quota);
  if (have < want) {
    return WithRetryHint(
        ResourceExhausted("bucket {} is over its quota of {} bytes/s", name, quota),
        std::chrono::milliseconds((want - have) * 1000 / quota + 1));
  }
  allowance = {.since = now, .bytes = have - want};
  return OkStatus();
}

}  // namespace carillon
