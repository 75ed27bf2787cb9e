#include "collector/dialects/mixpanel.h"

#include "collector/dialects/answers.h"
#include "collector/dialects/event_writer.h"
#include "collector/dialects/form.h"
#include "collector/dialects/shown_key.h"
#include "collector/dialects/time_values.h"

namespace carillon {
namespace {

constexpr std::int64_t kFirstMilliseconds = 100'000'000'000;
constexpr std::string_view kKept = "properties";
constexpr std::string_view kNotKept[] = {"properties", "api_key",   "apiKey",
                                         "writeKey",   "write_key", "td_write_key"};
constexpr std::string_view kSecretProperties[] = {"token", "api_key", "apiKey"};

std::string_view PathOf(const EdgeRequest& request) {
  std::string_view path = request.path;
  if (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  return path;
}

bool LooksLikeJson(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  return first != std::string_view::npos && (text[first] == '[' || text[first] == '{');
}

bool IsJsonImport(const EdgeRequest& request) {
  return PathOf(request) == "/import" && LooksLikeJson(request.body);
}

// The JSON of the request, which may be in three places, plain or as base64.
StatusOr<std::string> Payload(const EdgeRequest& request) {
  if (LooksLikeJson(request.body)) return std::string(request.body);
  auto data = FormField(request.body, "data");
  if (!data) data = FormField(request.query, "data");
  if (!data) return InvalidArgument("data: not there");
  if (LooksLikeJson(*data)) return *std::move(data);
  return DecodeBase64("data", *data);
}

std::optional<std::int64_t> EventTime(JsonValue value) {
  const auto seconds = TimeOf(value, TimeUnit::kSeconds);
  if (seconds && *seconds < kFirstMilliseconds * kSecondUs) return seconds;
  return TimeOf(value, TimeUnit::kMilliseconds);
}

Status AddEvent(JsonValue event, EventWriter* writer) {
  if (!event.IsObject()) return writer->Reject("no JSON object");
  if (const Status status = writer->CheckPart(event, 0); !status.ok()) {
    return writer->Reject(status);
  }
  const JsonValue properties = event[kKept];
  JsonObjectWriter out = writer->Begin();
  out.AddMembersOf(event, kNotKept);
  if (properties.IsObject()) {
    JsonObjectWriter inner(out.Begin(kKept));
    inner.AddMembersOf(properties, kSecretProperties);
    inner.End();
  }
  std::string stream;
  std::string id;
  return writer->Finish({.stream = event["event"].Text(&stream),
                         .id = properties["$insert_id"].Text(&id),
                         .time_us = EventTime(properties["time"])},
                        &out);
}

class MixpanelDialect final : public Dialect {
 public:
  std::string_view name() const override { return "mixpanel"; }

  bool Matches(const EdgeRequest& request) const override {
    const std::string_view path = PathOf(request);
    if (request.method != "POST" && request.method != "GET") return false;
    return path == "/track" || path == "/import" || IsProfile(path);
  }

  std::string KeyOf(const EdgeRequest& request) const override {
    std::string key = BasicAuthorizationOf(request).user;
    if (key.empty()) key = QueryField(request, "api_key");
    if (!key.empty()) return key;
    const StatusOr<std::string> payload = Payload(request);
    JsonDocument document;
    if (!payload.ok() || !document.ParseSequence(*payload).ok()) return {};
    JsonValue first = FirstOf(document.root());
    if (first.IsArray()) first = FirstOf(first);
    // A profile's change says it at its top.
    const std::string token = first["$token"].Text();
    return token.empty() ? first["properties"]["token"].Text() : token;
  }

  Status Decode(const EdgeRequest& request, EventBatch* events) const override {
    if (IsProfile(PathOf(request))) return OkStatus();
    ASSIGN_OR_RETURN(const std::string payload, Payload(request));
    JsonDocument document;
    RETURN_IF_ERROR(document.ParseSequence(payload));
    EventWriter writer("events", events);
    for (const JsonValue item : document.root().items()) {
      if (!item.IsArray()) {
        RETURN_IF_ERROR(AddEvent(item, &writer));
        continue;
      }
      for (const JsonValue event : item.items()) RETURN_IF_ERROR(AddEvent(event, &writer));
    }
    return OkStatus();
  }

  EdgeAnswer Answer(const EdgeRequest& request, const EdgeOutcome& outcome) const override {
    const Status status = OverallStatus(outcome);
    const bool verbose = QueryField(request, "verbose") == "1";
    if (!status.ok()) {
      const int http = HttpStatusOf(status.code());
      if (IsJsonImport(request) || verbose) {
        return JsonAnswer(http, fmt::format(R"({{"code":{},"status":0,"error":{}}})", http,
                                            JsonText(Message(status))));
      }
      return TextAnswer(http, "0");
    }
    if (IsJsonImport(request)) {
      const std::size_t taken =
          outcome.events == nullptr ? 0 : outcome.events->size() - outcome.events->rejected();
      return JsonAnswer(
          200, fmt::format(R"({{"code":200,"status":"OK","num_records_imported":{}}})", taken));
    }
    return verbose ? JsonAnswer(200, R"({"status":1,"error":null})") : TextAnswer(200, "1");
  }

 private:
  static bool IsProfile(std::string_view path) { return path == "/engage" || path == "/groups"; }
  static JsonValue FirstOf(JsonValue array) {
    for (const JsonValue item : array.items()) return item;
    return {};
  }
};

}  // namespace

const Dialect& Mixpanel() {
  static const MixpanelDialect dialect;
  return dialect;
}

}  // namespace carillon
