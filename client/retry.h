#pragma once

#include <chrono>
#include <optional>

#include "base/clock.h"
#include "base/random.h"
#include "base/status.h"

// When to try again. Pure: takes the time that has passed and returns how long to wait.
namespace carillon {

struct RetryPolicy {
  int max_attempts = 6;  // 1: on no other endpoint either
  Duration first_delay = std::chrono::milliseconds(50);
  Duration max_delay = std::chrono::seconds(5);
};

// UNAVAILABLE, RESOURCE_EXHAUSTED, ABORTED, and a deadline that was one attempt's own: a store
// whose writes are idempotent may be asked again. Everything else is an answer.
// A RESOURCE_EXHAUSTED that will not pass (a chunk too large) is INVALID_ARGUMENT on the wire.
bool IsRetryable(const Status& status);

// Exponential backoff with full jitter (0.5..1.0 of the delay); what the answer itself says
// (RetryHintOf), and up to half of it more, if that is longer. One per call.
class Backoff {
 public:
  // `attempts`: that were made before.
  Backoff(const RetryPolicy& policy, std::uint64_t seed, int attempts = 0)
      : policy_(policy), random_(seed), attempts_(attempts) {}

  // After an attempt failed with `status`, with `left` until the call's deadline: how long to
  // wait, or nullopt when this answer stands.
  std::optional<Duration> Next(const Status& status, Duration left);

  int attempts() const { return attempts_; }

 private:
  const RetryPolicy policy_;
  Random random_;
  int attempts_;
};

}  // namespace carillon
