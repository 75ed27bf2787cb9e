// Requests of any kind for every dialect over HTTP: whatever comes, the events are JSON objects in
// one line within the limits, and every answer can be given. Input: a byte that chooses the request
// line, one for the headers, then the query up to a newline, then the body.
#include <cstddef>
#include <cstdint>

#include "base/check.h"
#include "collector/dialects/answers.h"
#include "collector/dialects/dialect.h"
#include "collector/dialects/json_document.h"

namespace carillon {
namespace {

struct Line {
  std::string_view method;
  std::string_view path;
};
constexpr Line kLines[] = {{"POST", "/web_db/views"},
                           {"POST", "/js/v3/event/web_db/views"},
                           {"GET", "/js/v3/event/web_db/views"},
                           {"GET", "/js/v3/global_id"},
                           {"POST", "/android/v3/event"},
                           {"POST", "/postback/v3/event/web_db/views"},
                           {"POST", "/v1/batch"},
                           {"POST", "/v1/track"},
                           {"POST", "/services/collector"},
                           {"POST", "/services/collector/raw"},
                           {"POST", "/logs/_bulk"},
                           {"GET", "/"},
                           {"POST", "/v1/logs"},
                           {"POST", "/loki/api/v1/push"},
                           {"POST", "/batch/"},
                           {"POST", "/flags/"},
                           {"GET", "/array/k/config.js"},
                           {"POST", "/com.snowplowanalytics.snowplow/tp2"},
                           {"GET", "/i"},
                           {"POST", "/track"},
                           {"POST", "/import"},
                           {"POST", "/2/httpapi"},
                           {"POST", "/api/1/envelope/"},
                           {"POST", "/api/1/store/"},
                           {"POST", "/collectd"},
                           {"POST", "/anything"}};
constexpr std::string_view kTypes[] = {"",
                                       "application/json",
                                       "application/x-protobuf",
                                       "application/vnd.treasuredata.v1+json",
                                       "application/cloudevents+json",
                                       "application/cloudevents-batch+json",
                                       "text/plain"};

class FuzzRequest final : public EdgeRequest {
 public:
  FuzzRequest(const std::uint8_t* data, std::size_t size) {
    const Line& line = kLines[data[0] % std::size(kLines)];
    method = line.method;
    path = line.path;
    type_ = kTypes[data[1] % std::size(kTypes)];
    binary_event_ = path == "/anything" && (data[1] & 0x80) != 0;
    std::string_view rest(reinterpret_cast<const char*>(data) + 2, size - 2);
    query = rest.substr(0, rest.find('\n'));
    body = rest.substr(std::min(rest.size(), query.size() + 1));
    received_us = 1'700'000'000'000'000;
  }
  // Headers of free text are the query.
  std::string_view Header(std::string_view name) const override {
    if (name == "Content-Type") return type_;
    if (name == "Authorization" || name == "Cookie" || name == "X-Sentry-Auth") return query;
    if (name == "User-Agent") return "elastic-es/9";
    if (binary_event_ && name.starts_with("ce-")) return query;
    return {};
  }

 private:
  std::string_view type_;
  bool binary_event_ = false;
};

void CheckEvents(const EventBatch& events) {
  CHECK(events.size() <= kMaxEventsInRequest);
  for (std::size_t i = 0; i < events.size(); ++i) {
    if (events.rejection(i) != nullptr) continue;
    JsonDocument document;
    CHECK(document.Parse(events.event(i).json).ok());
    CHECK(document.root().IsObject());
    CHECK(document.root().height() <= kMaxEventDepth);
    CHECK(!document.root().HasLoneSurrogate());
    std::string scratch;
    CHECK(document.root().Line(&scratch) == events.event(i).json);
  }
}

void CheckAnswer(const Dialect& dialect, const EdgeRequest& request, const EdgeOutcome& outcome) {
  const EdgeAnswer answer = dialect.Answer(request, outcome);
  CHECK(answer.status >= 200 && answer.status < 600);
  if (answer.content_type != kJsonType || answer.body.empty()) return;
  JsonDocument document;
  CHECK(document.Parse(answer.body).ok());
}

}  // namespace
}  // namespace carillon

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace carillon;  // NOLINT: this function must be global
  if (size < 2) return 0;
  const FuzzRequest request(data, size);
  const Dialect* dialect = FindDialect(request);
  if (dialect == nullptr) return 0;
  (void)dialect->KeyOf(request);
  EventBatch events;
  const Status status = dialect->Decode(request, &events);
  CHECK(status.ok() || status.code() == StatusCode::kInvalidArgument ||
        status.code() == StatusCode::kOutOfRange);
  CheckEvents(events);
  CheckAnswer(*dialect, request, {.status = status, .events = &events});
  CheckAnswer(*dialect, request, {.status = Unavailable("full"), .events = &events});
  return 0;
}
