#pragma once

#include <optional>

#include "base/clock.h"
#include "base/status.h"

// When a refusal says that it may be asked again. It travels in the message, whose end is then
// "try again in N ms": so it passes through every transport, and people can read it.
//
// Pure; threads: any.
namespace carillon {

// Longer waits are not believed.
inline constexpr Duration kMaxRetryHint = std::chrono::seconds(60);

// `status` with the hint at its message's end; rounded up to a millisecond, 1 ms to kMaxRetryHint.
Status WithRetryHint(const Status& status, Duration wait);

// What the message's end says; nullopt: nothing, or nonsense.
std::optional<Duration> RetryHintOf(const Status& status);

}  // namespace carillon
