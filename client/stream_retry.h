#pragma once

#include <optional>
#include <string>

#include "base/clock.h"
#include "base/status.h"
#include "client/client.h"
#include "client/retry.h"

namespace carillon {

// How long a call with a stream of answers is tried again: the attempts of ClientOptions::retry,
// and ClientOptions::timeout, count from the last message that came. A long stream may break often,
// a stalled one ends. Threads: one caller at a time; HandleBreak sleeps.
class StreamRetry {
 public:
  // Breaks after which another endpoint is asked without a pause, between two pauses.
  static constexpr int kMaxAtOnce = 3;

  explicit StreamRetry(const ClientOptions& options) : options_(options) { NoteProgress(); }

  // A message came.
  void NoteProgress();

  // A stream from `endpoint` broke with `status`. OK: ask again now; with `elsewhere`, which is
  // that a better endpoint is known, at once, else after the backoff. Otherwise the error that
  // stands, which names the endpoint if it is away.
  Status HandleBreak(const Status& status, const std::string& endpoint, bool elsewhere);

 private:
  const ClientOptions options_;
  std::optional<Backoff> backoff_;
  int at_once_ = 0;
  Instant last_progress_;
};

}  // namespace carillon
