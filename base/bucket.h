#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/status.h"

// A bucket's properties: all changeable online. What is already stored keeps the ttl it was
// written with.
namespace carillon {

enum class SyncMode {
  kAlways,    // acknowledged means fsynced: the default
  kInterval,  // fsynced within a second: a crash of the machine loses what was not
  kOs,        // whenever the kernel likes
};
std::string_view ToString(SyncMode mode);
StatusOr<SyncMode> ParseSyncMode(std::string_view text);

inline constexpr std::uint32_t kMaxReplicas = 7;
inline constexpr std::uint32_t kMinChunkBytesLimit = 1;
inline constexpr std::uint32_t kMaxChunkBytesLimit = 8u << 20;
inline constexpr std::uint64_t kMaxTtlSeconds = 100ull * 366 * 86400;

struct BucketProperties {
  std::uint32_t n_val = 3;                // replicas, 1..7
  std::uint32_t w = 0;                    // acknowledgements before a write is; 0: quorum of n_val
  std::uint64_t ttl_seconds = 8 * 86400;  // 0: for ever
  SyncMode sync = SyncMode::kAlways;
  std::uint32_t max_chunk_bytes = 512'000;   // 1..8 MiB
  std::uint64_t quota_bytes_per_second = 0;  // 0: none

  std::uint32_t AcksWanted() const { return w != 0 ? w : n_val / 2 + 1; }
  friend bool operator==(const BucketProperties&, const BucketProperties&) = default;
};

// What of a bucket to change; what is not given stays as it is.
struct BucketChange {
  std::optional<std::uint32_t> n_val;
  std::optional<std::uint32_t> w;
  std::optional<std::uint64_t> ttl_seconds;
  std::optional<SyncMode> sync;
  std::optional<std::uint32_t> max_chunk_bytes;
  std::optional<std::uint64_t> quota_bytes_per_second;
};

// INVALID_ARGUMENT names the property and its range.
Status Validate(const BucketProperties& properties);

// "8d", "36h", "90m", "30s", "forever", or plain seconds -> seconds, 0 for "forever".
// INVALID_ARGUMENT: anything else, zero, or more than kMaxTtlSeconds.
StatusOr<std::uint64_t> ParseTtl(std::string_view text);
std::string FormatTtl(std::uint64_t ttl_seconds);

}  // namespace carillon
