#pragma once

#include <string>
#include <string_view>

#include "base/status.h"
#include "server/http/http_message.h"

// Errors as application/problem+json (RFC 9457): type, title, status, detail, and gRPC's code.
namespace carillon {

inline constexpr char kProblemType[] = "application/problem+json";

std::string ProblemJson(int http_status, StatusCode code, std::string_view detail);

// The response that tells `status`. Requires: !status.ok(). 429 and 503 say when to come again:
// what `status` says of it (base/retry_hint.h) in whole seconds, rounded up; else a second.
HttpResponse Problem(const Status& status);
// The same under a status of HTTP that no code of ours maps to, such as 413.
HttpResponse Problem(int http_status, const Status& status);

}  // namespace carillon
