#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string_view>

#include "base/bytes.h"
#include "base/status.h"
#include "collector/pipeline/spool_log.h"

namespace carillon {

// Chunks that the store refuses for good, with the reason: a log that is only appended to; what
// becomes of them is for an operator to say (DeadLetterBox). A chunk may be in it twice when a
// crash came in between.
//
// Threads: one caller at a time, but for the counts.
class DeadLetters {
 public:
  // Errors: as SpoolLog::Open.
  static StatusOr<std::unique_ptr<DeadLetters>> Open(SpoolLogOptions options,
                                                     std::uint64_t max_bytes);

  // `record`: as it is in the outbox. RESOURCE_EXHAUSTED: no more place. Others: as SpoolLog.
  Status Add(std::string_view reason, const SharedBytes& record, std::uint64_t events);

  std::uint64_t bytes() const { return log_->bytes(); }
  std::uint64_t damaged() const { return log_->damaged(); }
  // Since Open.
  std::uint64_t letters() const { return letters_; }
  std::uint64_t events() const { return events_; }

 private:
  explicit DeadLetters(std::uint64_t max_bytes) : max_bytes_(max_bytes) {}

  const std::uint64_t max_bytes_;
  std::unique_ptr<SpoolLog> log_;
  std::atomic<std::uint64_t> letters_{0};
  std::atomic<std::uint64_t> events_{0};
};

}  // namespace carillon
