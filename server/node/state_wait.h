#pragma once

#include <optional>

#include "server/node/outbox.h"

namespace carillon {

// Of a request that met a newer ring than this node's: it begins again when the newer cluster state
// is in force here, and fails when that takes too long. Plain data.
class StateWait {
 public:
  static constexpr Duration kAtMost = std::chrono::seconds(5);

  void Begin(Outbox* out) {
    if (until_) return;
    until_ = out->scene().time.now + kAtMost;
    out->WakeAt(*until_);
  }
  void End() { until_.reset(); }
  bool waits() const { return until_.has_value(); }
  // The request is to fail, with Error().
  bool IsOver(const Scene& scene) const { return until_ && scene.time.now >= *until_; }
  static Status Error() {
    return Unavailable("the ring has changed and this node has not heard how: try again");
  }

 private:
  std::optional<Instant> until_;
};

}  // namespace carillon
