#pragma once

#include <functional>
#include <string>

#include "collector/edge/reception.h"

namespace carillon {

// Events that this process makes itself: they go the way of all others, as those of a tenant that
// shows no key.
//
// Threads: one caller at a time.
class LocalSource {
 public:
  // Both outlive this.
  LocalSource(const Reception* reception, const Clock* clock)
      : reception_(reception), clock_(clock) {}

  // Keeps the events and calls `done` once, from any thread, perhaps at once; `events` outlives
  // that. OK; INVALID_ARGUMENT: never; all else: later (no such tenant, a quota, a full spool).
  void Keep(const std::string& tenant, EventBatch* events, std::function<void(EdgeOutcome)> done);

 private:
  const Reception* const reception_;
  const Clock* const clock_;
  ReceptionScratch scratch_;
};

}  // namespace carillon
