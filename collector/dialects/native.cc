#include "collector/dialects/native.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "collector/dialects/answers.h"
#include "collector/dialects/json_document.h"
#include "collector/dialects/json_text.h"
#include "collector/dialects/shown_key.h"
#include "collector/dialects/time_values.h"

namespace carillon {
namespace {

constexpr std::string_view kPath = "/v1/events";
constexpr std::string_view kKeyInBody = "write_key";
constexpr std::string_view kEventsInBody = "events";
// A body is looked into for its key only when it begins like that of sendBeacon would.
constexpr std::size_t kMaxBeaconBytes = 64 * 1024;

std::string_view Trim(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const std::size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) + 1 - begin);
}

// The years 1900 to 2999.
constexpr std::int64_t kLeastTimeUs = -2'208'988'800 * kSecondUs;
constexpr std::int64_t kMostTimeUs = 32'503'680'000 * kSecondUs;

// Seconds end in the year 5138, where milliseconds begin in 1973, and so on.
std::optional<std::int64_t> TimeOfAnyUnit(std::string_view digits) {
  constexpr std::array<double, 3> kLimits = {1e11, 1e14, 1e17};
  constexpr std::array<TimeUnit, 4> kUnits = {TimeUnit::kSeconds, TimeUnit::kMilliseconds,
                                              TimeUnit::kMicroseconds, TimeUnit::kNanoseconds};
  double number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  std::size_t unit = 0;
  while (unit < kLimits.size() && std::abs(number) >= kLimits[unit]) ++unit;
  return TimeOfNumber(digits, kUnits[unit]);
}

std::optional<std::int64_t> TimeOfEvent(JsonValue time) {
  std::optional<std::int64_t> time_us = TimeOfAnyUnit(time.Written());
  if (!time_us.has_value() && time.IsString()) time_us = TimeOfText(time.Text());
  const bool sane = time_us.has_value() && *time_us >= kLeastTimeUs && *time_us <= kMostTimeUs;
  return sane ? time_us : std::nullopt;
}

// A document that grew with the largest body so far.
JsonDocument* ThreadsDocument() {
  thread_local JsonDocument document;
  return &document;
}

std::string KeyOfBeacon(const EdgeRequest& request) {
  const std::string_view body = Trim(request.body);
  if (body.size() > kMaxBeaconBytes || !body.starts_with('{')) return {};
  if (body.find(kKeyInBody) == std::string_view::npos) return {};
  JsonDocument* document = ThreadsDocument();
  if (!document->Parse(body).ok()) return {};
  const JsonValue root = document->root();
  return root[kEventsInBody].IsArray() ? root[kKeyInBody].Text() : std::string();
}

class Reader {
 public:
  explicit Reader(EventBatch* events) : events_(events) {}

  // `stays`: the event's document is parsed anew only for the next request.
  Status Add(JsonValue event, bool stays) {
    if (events_->size() >= kMaxEventsInRequest) {
      return OutOfRange("more than {} events in a request", kMaxEventsInRequest);
    }
    EventFields fields;
    const Status wrong = ReadNativeEvent(event, &id_, &line_, &fields);
    if (wrong.ok()) {
      if (stays) fields.parsed = event;
      events_->Add(fields);
    } else {
      events_->AddRejected({wrong.code(), std::string(Message(wrong))});
    }
    return OkStatus();
  }

  Status AddAll(JsonValue array) {
    for (const JsonValue event : array.items()) RETURN_IF_ERROR(Add(event, /*stays=*/true));
    return OkStatus();
  }

  // Each line by itself, so that a bad one does not take the others along. `whole`: what is wrong
  // with all of them as one text; told when no line is any good.
  Status AddLines(std::string_view body, const Status& whole) {
    JsonDocument* document = ThreadsDocument();
    while (!body.empty()) {
      const std::size_t end = std::min(body.find('\n'), body.size());
      const std::string_view line = Trim(body.substr(0, end));
      body.remove_prefix(std::min(end + 1, body.size()));
      if (line.empty()) continue;
      const Status parsed = document->Parse(line);
      if (parsed.ok()) {
        RETURN_IF_ERROR(Add(document->root(), /*stays=*/false));
      } else if (events_->size() < kMaxEventsInRequest) {
        events_->AddRejected({parsed.code(), std::string(Message(parsed))});
      } else {
        return OutOfRange("more than {} events in a request", kMaxEventsInRequest);
      }
    }
    return events_->rejected() < events_->size() ? OkStatus() : whole;
  }

 private:
  EventBatch* events_;
  std::string id_;
  std::string line_;
};

std::string CountsJson(const EventBatch& events) {
  std::string body = R"({"accepted":)";
  body += fmt::format_int(events.size() - events.rejected()).c_str();
  body += R"(,"rejected":)";
  body += fmt::format_int(events.rejected()).c_str();
  body += R"(,"errors":[)";
  std::size_t told = 0;
  for (std::size_t i = 0; events.rejected() > 0 && i < events.size(); ++i) {
    const EventRejection* rejection = events.rejection(i);
    if (rejection == nullptr) continue;
    fmt::format_to(std::back_inserter(body), R"({}{{"index":{},"error":)", told > 0 ? "," : "", i);
    AppendJsonText(rejection->text, &body);
    body += '}';
    if (++told == kMaxNativeErrors) break;
  }
  body += "]}\n";
  return body;
}

class Native final : public Dialect {
 public:
  std::string_view name() const override { return "native"; }

  bool Matches(const EdgeRequest& request) const override {
    return request.path == kPath && request.method == "POST";
  }

  std::string KeyOf(const EdgeRequest& request) const override {
    if (const auto key = request.Header("X-Write-Key"); !key.empty()) return std::string(key);
    const std::string_view bearer = AuthorizationOf(request, "Bearer");
    if (!bearer.empty()) return std::string(Trim(bearer));
    if (!request.Header("Authorization").empty()) return BasicAuthorizationOf(request).user;
    return KeyOfBeacon(request);
  }

  Status Decode(const EdgeRequest& request, EventBatch* events) const override {
    const std::string_view body = Trim(request.body);
    if (body.empty()) return InvalidArgument("no events: the body is empty");
    Reader reader(events);
    JsonDocument* document = ThreadsDocument();
    if (body.front() == '[') {
      RETURN_IF_ERROR(document->Parse(body));
      return reader.AddAll(document->root());
    }
    const Status whole = document->ParseSequence(body);
    if (whole.code() == StatusCode::kOutOfRange) return whole;
    if (!whole.ok()) return reader.AddLines(body, whole);
    const JsonValue all = document->root();
    if (const JsonValue only = *all.items().begin();
        body.size() <= kMaxBeaconBytes && only[kKeyInBody].IsString() &&
        only[kEventsInBody].IsArray() && only.raw().size() == body.size()) {
      return reader.AddAll(only[kEventsInBody]);
    }
    return reader.AddAll(all);
  }

  EdgeAnswer Answer(const EdgeRequest& /*request*/, const EdgeOutcome& outcome) const override {
    if (outcome.status.ok() && outcome.events != nullptr) {
      return JsonAnswer(HttpStatusOf(OverallStatus(outcome).code()), CountsJson(*outcome.events));
    }
    std::string body = R"({"accepted":0,"error":)";
    AppendJsonText(Message(outcome.status), &body);
    return JsonAnswer(HttpStatusOf(outcome.status.code()), body + "}\n");
  }
};

}  // namespace

Status ReadNativeEvent(JsonValue event, std::string* id_text, std::string* line,
                       EventFields* fields) {
  if (!event.IsObject()) return InvalidArgument("no JSON object");
  if (event.height() > kMaxEventDepth) {
    return InvalidArgument("nested deeper than {} levels", kMaxEventDepth);
  }
  if (event.HasLoneSurrogate()) return InvalidArgument("half of a surrogate pair in a text");
  const JsonValue time = event["timestamp"];
  if (time.exists()) {
    fields->time_us = TimeOfEvent(time);
    if (!fields->time_us.has_value()) {
      return InvalidArgument(
          "timestamp is neither a number since 1970 nor RFC 3339 (2015-04-07T13:57:23Z)");
    }
  }
  for (const std::string_view name : {"type", "subtype"}) {
    const JsonType type = event[name].type();
    if (type == JsonType::kObject || type == JsonType::kArray) {
      return InvalidArgument("{} is no text", name);
    }
  }
  const JsonValue id = event["id"];
  if (id.IsString() || id.type() == JsonType::kNumber) fields->id = id.Text(id_text);
  if (fields->id.size() > kMaxNativeIdBytes) {
    return InvalidArgument("id of {} bytes, at most {}", fields->id.size(), kMaxNativeIdBytes);
  }
  fields->json = event.Line(line);
  return OkStatus();
}

const Dialect& NativeDialect() {
  static const Native dialect;
  return dialect;
}

}  // namespace carillon
