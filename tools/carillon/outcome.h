#pragma once

#include <utility>

#include "base/status.h"

namespace carillon {

enum class ExitCode { kDone = 0, kFailed = 1, kUsage = 2, kPartial = 3 };

// How a verb ended. A Status that is not OK makes it kFailed, and is what is printed.
struct Outcome {
  Outcome(ExitCode exit_code) : code(exit_code) {}  // NOLINT: verbs return either
  Outcome(Status why)                               // NOLINT
      : code(why.ok() ? ExitCode::kDone : ExitCode::kFailed), status(std::move(why)) {}

  ExitCode code;
  Status status;
};

// The user asked wrongly: exit code 2. Requires: not OK.
inline Outcome UsageError(Status why) {
  Outcome outcome(std::move(why));
  outcome.code = ExitCode::kUsage;
  return outcome;
}

}  // namespace carillon

// As ASSIGN_OR_RETURN, for what the user gave: an error of it is one of usage.
#define ASSIGN_OR_USAGE(declaration, expression) \
  ASSIGN_OR_USAGE_INNER(CARILLON_CONCAT(status_or_, __LINE__), declaration, expression)
#define ASSIGN_OR_USAGE_INNER(result, declaration, expression)                 \
  auto result = (expression);                                                  \
  if (!result.ok()) return ::carillon::UsageError(std::move(result).status()); \
  declaration = std::move(result).value()
