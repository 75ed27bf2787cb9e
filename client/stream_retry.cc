#include "client/stream_retry.h"

#include <thread>

#include "client/ring_view.h"

namespace carillon {

void StreamRetry::NoteProgress() {
  backoff_.reset();
  at_once_ = 0;
  last_progress_ = SystemClock().Now();
}

Status StreamRetry::HandleBreak(const Status& status, const std::string& endpoint, bool elsewhere) {
  if (!backoff_) {
    backoff_.emplace(options_.retry, RandomSeed());
    last_progress_ = SystemClock().Now();  // the time its reader took does not count
  }
  if (IsAway(status) && elsewhere && at_once_ < kMaxAtOnce) {
    ++at_once_;
    return OkStatus();
  }
  at_once_ = 0;
  const Duration left = last_progress_ + options_.timeout - SystemClock().Now();
  if (const auto delay = backoff_->Next(status, left)) {
    std::this_thread::sleep_for(*delay);
    return OkStatus();
  }
  if (!IsAway(status)) return status;
  return Annotate(status, fmt::format("{}, attempt {}", endpoint, backoff_->attempts()));
}

}  // namespace carillon
