#include "server/http/problem_json.h"

#include <chrono>

#include "base/check.h"
#include "base/retry_hint.h"
#include "server/http/http_status.h"
#include "server/http/json_text.h"

namespace carillon {

std::string ProblemJson(int http_status, StatusCode code, std::string_view detail) {
  std::string out = fmt::format(R"({{"type":"about:blank","title":"{}","status":{},"detail":)",
                                ReasonOf(http_status), http_status);
  AppendJsonString(detail, &out);
  fmt::format_to(std::back_inserter(out), R"(,"code":"{}"}})", CodeName(code));
  out.push_back('\n');
  return out;
}

namespace {

// At least 1: a hint is at least a millisecond.
std::int64_t SecondsToWait(const Status& status) {
  const Duration wait = RetryHintOf(status).value_or(std::chrono::seconds(1));
  return std::chrono::ceil<std::chrono::seconds>(wait).count();
}

}  // namespace

HttpResponse Problem(const Status& status) {
  return Problem(HttpStatusOf(status.code()), status);
}

HttpResponse Problem(int http_status, const Status& status) {
  CHECK(!status.ok());
  HttpResponse response =
      TextResponse(kProblemType, ProblemJson(http_status, status.code(), Message(status)));
  response.status = http_status;
  response.code = status.code();
  if (http_status == 429 || http_status == 503) {
    response.headers.push_back({"Retry-After", std::to_string(SecondsToWait(status))});
  }
  return response;
}

HttpResponse TextResponse(std::string content_type, Bytes body) {
  HttpResponse response;
  response.content_type = std::move(content_type);
  response.body = SharedBytes(std::move(body));
  return response;
}

}  // namespace carillon
