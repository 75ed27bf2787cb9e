#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "base/clock.h"

namespace carillon {

// What a client has seen of each endpoint, and so which to leave alone for now.
//
//   good --failure, or an answer much later than others'--> avoided for a pause
//   avoided --the pause is over, one request tries it--> good, or avoided for twice as long
//
// Pure. One owner at a time. Memory: O(endpoints asked).
class NodeHealth {
 public:
  static constexpr Duration kFirstPause = std::chrono::milliseconds(100);
  static constexpr Duration kMaxPause = std::chrono::seconds(10);
  // Slow: its answers take, smoothed, so long, and so many times as long as the quickest one's.
  static constexpr std::int64_t kSlowMicros = 250'000;
  static constexpr std::int64_t kSlowFactor = 8;
  static constexpr Duration kSlowPause = std::chrono::seconds(2);
  // The least time that an answer is waited for before another endpoint is asked.
  static constexpr Duration kLeastPatience = std::chrono::milliseconds(500);

  // The zero: it is not avoided. A pause that is over is no longer in the way of a request.
  Instant AvoidedUntil(const std::string& endpoint) const;
  bool IsAvoided(const std::string& endpoint, Instant now) const {
    return AvoidedUntil(endpoint) > now;
  }

  // How long an answer is waited for before another endpoint is asked: kSlowFactor times as long as
  // answers take, smoothed, from the slowest that answers; so all may become slow together.
  // nullopt: nobody has answered.
  std::optional<Duration> Patience() const;

  // A request goes to `endpoint`. When its pause is over this is the one that tries it: others go
  // on avoiding it until that one's end is told.
  void HandleAsked(const std::string& endpoint, Instant now);
  // It answered, after `latency` if that says something about it.
  void HandleAnswer(const std::string& endpoint, std::optional<Duration> latency, Instant now);
  // It could not be reached, or did not answer in time. Of one that is avoided already only the
  // failure of the request that tries it counts: requests fail together.
  void HandleFailure(const std::string& endpoint, Instant now);

  // Forgets every endpoint but these.
  void KeepOnly(const std::set<std::string>& endpoints);

 private:
  struct Seen {
    int failures = 0;  // in a row
    bool slow = false;
    bool trying = false;
    Instant avoid_until;
    std::int64_t latency_micros = 0;  // moving average; 0: none yet
  };
  bool IsSlow(const std::string& endpoint, std::int64_t micros) const;

  std::map<std::string, Seen> seen_;
};

}  // namespace carillon
