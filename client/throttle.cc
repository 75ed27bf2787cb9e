#include "client/throttle.h"

#include <cmath>

namespace carillon {

void Throttle::Fade(Counts* counts, Instant now) {
  const double passed = std::chrono::duration<double>(now - counts->at).count();
  const double left = std::exp(-passed / kMemorySeconds);
  counts->asked *= left;
  counts->taken *= left;
  counts->at = now;
}

bool Throttle::MaySend(const std::string& name, double chance, Instant now) {
  const auto found = counts_.find(name);
  if (found == counts_.end()) return true;
  Counts& counts = found->second;
  Fade(&counts, now);
  const double excess = counts.asked - kFreeRequests - kFactor * counts.taken;
  if (excess <= 0 || chance >= excess / counts.asked) return true;
  counts.asked += 1;
  return false;
}

void Throttle::HandleTaken(const std::string& name, Instant now) {
  const auto found = counts_.find(name);
  if (found == counts_.end()) return;
  Fade(&found->second, now);
  found->second.asked += 1;
  found->second.taken += 1;
  if (found->second.asked < found->second.taken + kForgotten) counts_.erase(found);
}

void Throttle::HandleRefused(const std::string& name, Instant now) {
  if (counts_.size() >= kMaxNames && !counts_.contains(name)) counts_.clear();
  Counts& counts = counts_[name];
  Fade(&counts, now);
  counts.asked += 1;
}

}  // namespace carillon
