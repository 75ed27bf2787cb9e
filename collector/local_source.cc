#include "collector/local_source.h"

#include <chrono>
#include <utility>

namespace carillon {

void LocalSource::Keep(const std::string& tenant, EventBatch* events,
                       std::function<void(EdgeOutcome)> done) {
  const auto now = std::chrono::floor<std::chrono::microseconds>(clock_->WallNow());
  const Bringer bringer{.tenant = tenant,
                        .received_us = now.time_since_epoch().count(),
                        .bytes = events->json_bytes(),
                        .brings_once = true};
  Admission admission;
  EdgeOutcome outcome = reception_->Admit(bringer, &admission);
  if (!outcome.status.ok()) {
    outcome.status = Annotate(outcome.status, fmt::format("tenant '{}'", tenant));
    return done(std::move(outcome));
  }
  reception_->Keep(admission, bringer, events, &scratch_, std::move(done));
}

}  // namespace carillon
