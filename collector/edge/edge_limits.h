#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "base/clock.h"

namespace carillon {

// What clients may do; each limit has an answer of its own (docs/OPERATIONS.md).
struct EdgeLimits {
  std::size_t max_connections = 10'000;                    // beyond it: 503, and closed
  std::uint32_t max_header_bytes = 16 * 1024;              // 431
  std::size_t max_headers = 100;                           // 431
  std::size_t max_body_bytes = std::size_t{1} << 20;       // as it is sent: 413
  std::size_t max_unpacked_bytes = std::size_t{32} << 20;  // 413
  std::size_t max_unpack_ratio = 16;                       // beyond kFreeUnpackedBytes: 413
  std::size_t max_bodies_bytes = std::size_t{256} << 20;   // of requests under way, in all: 503
  std::size_t max_pipelined = 64;  // requests of a connection under way; then it is not read
  Duration header_timeout = std::chrono::seconds(5);  // from its first byte, or the accept
  Duration body_timeout = std::chrono::seconds(30);   // unless it comes faster than:
  std::size_t min_body_bytes_per_second = 1024;
  Duration idle_timeout = std::chrono::seconds(60);   // between requests
  Duration write_timeout = std::chrono::seconds(30);  // without any progress
};
inline constexpr std::size_t kMostBodyBytes = std::size_t{8} << 20;  // that can be configured

}  // namespace carillon
