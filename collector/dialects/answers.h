#pragma once

#include <string>
#include <string_view>

#include "collector/dialects/dialect.h"

// Pieces of what clients hear.
namespace carillon {

inline constexpr std::string_view kJsonType = "application/json";

// The outcome as one word: that of the request, or, when every event was rejected, that of the
// first. OK: something was taken, or there was nothing to take.
Status OverallStatus(const EdgeOutcome& outcome);

// 200, 400, 401, 403, 413, 429, 503; 500 for the rest.
int HttpStatusOf(StatusCode code);

EdgeAnswer JsonAnswer(int status, std::string body);
EdgeAnswer TextAnswer(int status, std::string body);
EdgeAnswer EmptyAnswer(int status);
// {"error":"what is wrong"} with the status of OverallStatus. Requires: that is not OK.
EdgeAnswer ErrorAnswer(const EdgeOutcome& outcome);
// `good` when OverallStatus is OK, else ErrorAnswer.
EdgeAnswer AnswerOr(const EdgeOutcome& outcome, EdgeAnswer good);

// "events[7]: ..." of the first rejected event; empty: none.
std::string FirstRejection(const EdgeOutcome& outcome);

}  // namespace carillon
