#include "collector/dialects/answers.h"

#include "collector/dialects/json_text.h"

namespace carillon {

std::string FirstRejection(const EdgeOutcome& outcome) {
  if (outcome.events == nullptr) return {};
  for (std::size_t i = 0; i < outcome.events->size(); ++i) {
    const EventRejection* rejection = outcome.events->rejection(i);
    if (rejection != nullptr) return rejection->text;
  }
  return {};
}

Status OverallStatus(const EdgeOutcome& outcome) {
  const EventBatch* events = outcome.events;
  if (!outcome.status.ok() || events == nullptr || events->empty() ||
      events->rejected() != events->size()) {
    return outcome.status;
  }
  const EventRejection& first = *events->rejection(0);
  return MakeStatus(first.code, first.text);
}

int HttpStatusOf(StatusCode code) {
  if (code == StatusCode::kOk) return 200;
  if (code == StatusCode::kInvalidArgument) return 400;
  if (code == StatusCode::kUnauthenticated) return 401;
  if (code == StatusCode::kPermissionDenied) return 403;
  if (code == StatusCode::kNotFound) return 404;
  if (code == StatusCode::kOutOfRange) return 413;
  if (code == StatusCode::kResourceExhausted) return 429;
  if (code == StatusCode::kUnavailable) return 503;
  return 500;
}

EdgeAnswer JsonAnswer(int status, std::string body) {
  return {.status = status, .content_type = kJsonType, .body = std::move(body)};
}

EdgeAnswer TextAnswer(int status, std::string body) {
  return {.status = status, .content_type = "text/plain", .body = std::move(body)};
}

EdgeAnswer EmptyAnswer(int status) {
  return {.status = status};
}

EdgeAnswer ErrorAnswer(const EdgeOutcome& outcome) {
  const Status status = OverallStatus(outcome);
  std::string body;
  JsonObjectWriter writer(&body);
  writer.AddText("error", Message(status));
  writer.End();
  return JsonAnswer(HttpStatusOf(status.code()), std::move(body));
}

EdgeAnswer AnswerOr(const EdgeOutcome& outcome, EdgeAnswer good) {
  return OverallStatus(outcome).ok() ? good : ErrorAnswer(outcome);
}

}  // namespace carillon
