#pragma once

#include <map>
#include <string>

#include "base/clock.h"

namespace carillon {

// Holds back requests to whom refuses most of them (RESOURCE_EXHAUSTED), before they are sent: a
// refusal costs the one who refuses too. Of what its callers ask, about kFactor times as much is
// sent as was taken lately; when all of it is taken, all is sent again within seconds.
//
// By name: an endpoint and what is asked of it. Pure. One owner at a time. Memory: O(names), at
// most kMaxNames.
class Throttle {
 public:
  static constexpr double kFactor = 1.5;
  static constexpr double kFreeRequests = 20;  // that may be refused without consequence
  static constexpr double kMemorySeconds = 2;
  static constexpr std::size_t kMaxNames = 1024;

  // Whether a request may be sent. `chance`: 0..1, a new one each time.
  bool MaySend(const std::string& name, double chance, Instant now);
  // It was answered, and not because there was too much; or refused because there was.
  void HandleTaken(const std::string& name, Instant now);
  void HandleRefused(const std::string& name, Instant now);
  // Nobody refused anything lately: all may be sent, and nothing taken need be told.
  bool IsIdle() const { return counts_.empty(); }

 private:
  struct Counts {
    double asked = 0;  // answered, refused, and held back; both fade with time
    double taken = 0;
    Instant at{};
  };
  static constexpr double kForgotten = 0.01;  // so few refusals left
  static void Fade(Counts* counts, Instant now);

  std::map<std::string, Counts> counts_;  // of those who refused something lately
};

}  // namespace carillon
