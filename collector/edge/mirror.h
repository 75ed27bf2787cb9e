#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "collector/edge/exchange.h"

namespace carillon {

// Says that a request is a copy: it is not copied again.
inline constexpr std::string_view kMirroredHeader = "X-Carillon-Mirrored";
inline constexpr std::uint32_t kMirrorMillion = 1'000'000;

struct MirrorOptions {
  std::string url;  // "http://HOST:PORT", https as well; of another collector
  std::size_t max_waiting_requests = 10'000;
  std::size_t max_waiting_bytes = std::size_t{32} << 20;  // under way included
  std::size_t max_under_way = 32;
  Duration connect_timeout = std::chrono::seconds(2);
  Duration timeout = std::chrono::seconds(10);
};

// Threads: any.
struct MirrorCounts {
  std::atomic<std::uint64_t> sent{0};     // and answered with 2xx
  std::atomic<std::uint64_t> refused{0};  // answered otherwise
  std::atomic<std::uint64_t> failed{0};   // not answered in time, or not reached
  std::atomic<std::uint64_t> dropped{0};  // there were too many already
};

// INVALID_ARGUMENT: not as MirrorOptions::url wants it.
Status CheckMirrorUrl(const std::string& url);

// Copies requests, as they came, to another collector. Whoever offers one never waits and never
// hears of it: what the other does not take in time is dropped and counted.
//
// Threads: any, at once; one of its own.
class Mirror {
 public:
  // INVALID_ARGUMENT: no such URL.
  static StatusOr<std::unique_ptr<Mirror>> Start(MirrorOptions options);
  ~Mirror();  // what waits is dropped
  Mirror(const Mirror&) = delete;
  Mirror& operator=(const Mirror&) = delete;

  // Cost: a copy of the request.
  void Offer(const Exchange& exchange);

  const MirrorCounts& counts() const { return counts_; }

 private:
  struct Copy;
  class Sender;
  explicit Mirror(MirrorOptions options);
  std::unique_ptr<Copy> Take();

  const MirrorOptions options_;
  MirrorCounts counts_;
  std::atomic<std::size_t> waiting_requests_{0};
  std::atomic<std::size_t> waiting_bytes_{0};
  std::mutex mutex_;
  std::deque<std::unique_ptr<Copy>> waiting_;  // guarded by mutex_
  std::atomic<bool> stopping_{false};
  std::unique_ptr<Sender> sender_;
  std::thread thread_;
};

}  // namespace carillon
