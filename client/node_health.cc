#include "client/node_health.h"

#include <algorithm>

namespace carillon {
namespace {

constexpr std::int64_t kSmoothing = 8;

Duration PauseAfter(int failures) {
  Duration pause = NodeHealth::kFirstPause;
  for (int i = 1; i < failures && pause < NodeHealth::kMaxPause; ++i) pause *= 2;
  return std::min(pause, NodeHealth::kMaxPause);
}

}  // namespace

Instant NodeHealth::AvoidedUntil(const std::string& endpoint) const {
  const auto seen = seen_.find(endpoint);
  return seen == seen_.end() ? Instant() : seen->second.avoid_until;
}

std::optional<Duration> NodeHealth::Patience() const {
  std::int64_t slowest = 0;
  for (const auto& [endpoint, seen] : seen_) {
    if (seen.failures == 0) slowest = std::max(slowest, seen.latency_micros);
  }
  if (slowest == 0) return std::nullopt;
  return std::max<Duration>(kLeastPatience, std::chrono::microseconds(slowest * kSlowFactor));
}

void NodeHealth::HandleAsked(const std::string& endpoint, Instant now) {
  const auto found = seen_.find(endpoint);
  if (found == seen_.end()) return;
  Seen& seen = found->second;
  if ((seen.failures == 0 && !seen.slow) || seen.avoid_until > now) return;
  seen.trying = true;
  seen.avoid_until = now + (seen.slow ? kSlowPause : PauseAfter(seen.failures));
}

bool NodeHealth::IsSlow(const std::string& endpoint, std::int64_t micros) const {
  if (micros < kSlowMicros) return false;
  return std::any_of(seen_.begin(), seen_.end(), [&](const auto& other) {
    const std::int64_t quick = other.second.latency_micros;
    return other.first != endpoint && other.second.failures == 0 && quick > 0 &&
           micros / kSlowFactor > quick;
  });
}

void NodeHealth::HandleAnswer(const std::string& endpoint, std::optional<Duration> latency,
                              Instant now) {
  Seen& seen = seen_[endpoint];
  const bool tried = seen.trying;
  seen.failures = 0;
  seen.trying = false;
  if (!latency) {
    if (!seen.slow) seen.avoid_until = Instant();
    return;
  }
  const std::int64_t micros = std::max<std::int64_t>(
      1, std::chrono::duration_cast<std::chrono::microseconds>(*latency).count());
  // What it was before its pause says nothing about it now.
  const bool afresh = tried || seen.latency_micros == 0;
  seen.latency_micros =
      afresh ? micros : (seen.latency_micros * (kSmoothing - 1) + micros) / kSmoothing;
  seen.slow = IsSlow(endpoint, seen.latency_micros);
  seen.avoid_until = seen.slow ? now + kSlowPause : Instant();
}

void NodeHealth::HandleFailure(const std::string& endpoint, Instant now) {
  Seen& seen = seen_[endpoint];
  if (seen.avoid_until > now && !seen.trying && seen.failures > 0) return;
  ++seen.failures;
  seen.trying = false;
  seen.avoid_until = now + PauseAfter(seen.failures);
}

void NodeHealth::KeepOnly(const std::set<std::string>& endpoints) {
  std::erase_if(seen_, [&](const auto& seen) { return !endpoints.contains(seen.first); });
}

}  // namespace carillon
