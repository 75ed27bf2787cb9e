#include "collector/dialects/posthog.h"

#include "collector/dialects/answers.h"
#include "collector/dialects/event_writer.h"
#include "collector/dialects/form.h"
#include "collector/dialects/gzip_members.h"
#include "collector/dialects/shown_key.h"
#include "collector/dialects/time_values.h"

namespace carillon {
namespace {

constexpr std::string_view kEventPaths[] = {"/batch/", "/e", "/i/v0/e", "/capture"};
constexpr std::string_view kNotKept[] = {"properties", "token",    "api_key",
                                         "apiKey",     "writeKey", "write_key"};
constexpr std::string_view kSecretProperties[] = {"token", "api_key", "apiKey"};

bool IsPath(std::string_view path, std::string_view wanted) {
  return path == wanted || (path.starts_with(wanted) && path.substr(wanted.size()) == "/");
}

// The JSON of the request, out of whatever it is packed in.
StatusOr<std::string> Payload(const EdgeRequest& request) {
  if (request.body.starts_with("\x1f\x8b")) {
    return GunzipMembers(request.body, kMaxBatchJsonBytes);
  }
  const std::size_t first = request.body.find_first_not_of(" \t\r\n");
  if (first != std::string_view::npos &&
      (request.body[first] == '{' || request.body[first] == '[')) {
    return std::string(request.body);
  }
  auto data = FormField(request.body, "data");
  if (!data) data = FormField(request.query, "data");
  if (!data) return InvalidArgument("body: no JSON, and no data");
  if (data->starts_with('{') || data->starts_with('[')) return *std::move(data);
  return DecodeBase64("data", *data);
}

std::string TokenOf(JsonValue object) {
  for (const std::string_view name : {"api_key", "token"}) {
    std::string key = object[name].Text();
    if (!key.empty()) return key;
  }
  return {};
}

std::string KeyOfPayload(const EdgeRequest& request) {
  const StatusOr<std::string> payload = Payload(request);
  JsonDocument document;
  if (!payload.ok() || !document.Parse(*payload).ok()) return {};
  std::string key = TokenOf(document.root());
  const JsonValue batch = document.root()["batch"];
  JsonValue first = document.root();
  for (const JsonValue item : batch.IsArray() ? batch.items() : document.root().items()) {
    first = item;
    break;
  }
  if (key.empty()) key = TokenOf(first);
  return key.empty() ? TokenOf(first["properties"]) : key;
}

Status AddEvent(JsonValue event, EventWriter* writer) {
  if (!event.IsObject()) return writer->Reject("no JSON object");
  if (const Status status = writer->CheckPart(event, 0); !status.ok()) {
    return writer->Reject(status);
  }
  const JsonValue properties = event["properties"];
  JsonObjectWriter out = writer->Begin();
  out.AddMembersOf(event, kNotKept);
  if (properties.IsObject()) {
    JsonObjectWriter inner(out.Begin("properties"));
    inner.AddMembersOf(properties, kSecretProperties);
    inner.End();
  }
  std::string stream;
  std::string id = event["uuid"].Text();
  if (id.empty()) id = properties["$insert_id"].Text();
  return writer->Finish({.stream = event["event"].Text(&stream),
                         .id = id,
                         .time_us = TimeOf(event["timestamp"], TimeUnit::kMilliseconds)},
                        &out);
}

class PostHogDialect final : public Dialect {
 public:
  std::string_view name() const override { return "posthog"; }
  bool Matches(const EdgeRequest& request) const override {
    if (request.method != "POST") return false;
    for (const std::string_view path : kEventPaths) {
      if (IsPath(request.path, path)) return true;
    }
    return false;
  }
  std::string KeyOf(const EdgeRequest& request) const override { return KeyOfPayload(request); }

  Status Decode(const EdgeRequest& request, EventBatch* events) const override {
    ASSIGN_OR_RETURN(const std::string payload, Payload(request));
    JsonDocument document;
    RETURN_IF_ERROR(document.Parse(payload));
    EventWriter writer("batch", events);
    const JsonValue root = document.root();
    const JsonValue list = root.IsArray() ? root : root["batch"];
    if (!list.exists() && root.IsObject()) return AddEvent(root, &writer);
    if (!list.IsArray()) return InvalidArgument("batch: want an array of events");
    for (const JsonValue event : list.items()) RETURN_IF_ERROR(AddEvent(event, &writer));
    return OkStatus();
  }

  EdgeAnswer Answer(const EdgeRequest&, const EdgeOutcome& outcome) const override {
    return AnswerOr(outcome, JsonAnswer(200, R"({"status":1})"));
  }
};

constexpr std::string_view kArray = "/array/";
constexpr std::string_view kNoFlags = R"({"flags":{},"featureFlags":{},"featureFlagPayloads":{},)"
                                      R"("errorsWhileComputingFlags":false,"quotaLimited":[]})";
constexpr std::string_view kNothingOn =
    R"("supportedCompression":["gzip","gzip-js"],"hasFeatureFlags":false,)"
    R"("analytics":{"endpoint":"/e/"},"autocapture_opt_out":false,"autocaptureExceptions":false,)"
    R"("captureDeadClicks":false,"capturePerformance":false,"elementsChainAsString":true,)"
    R"("heatmaps":false,"sessionRecording":false,"surveys":false,"siteApps":[])";

class PostHogConfigDialect final : public Dialect {
 public:
  std::string_view name() const override { return "posthog_config"; }
  bool Matches(const EdgeRequest& request) const override {
    if (IsFlags(request)) return request.method == "POST";
    return request.method == "GET" && request.path.starts_with(kArray) &&
           (request.path.ends_with("/config") || request.path.ends_with("/config.js"));
  }
  std::string KeyOf(const EdgeRequest& request) const override {
    if (IsFlags(request)) return KeyOfPayload(request);
    const std::string_view rest = request.path.substr(kArray.size());
    return FormDecoded(rest.substr(0, rest.find('/')));
  }
  Status Decode(const EdgeRequest&, EventBatch*) const override { return OkStatus(); }

  EdgeAnswer Answer(const EdgeRequest& request, const EdgeOutcome& outcome) const override {
    if (!outcome.status.ok()) return ErrorAnswer(outcome);
    if (IsFlags(request)) return JsonAnswer(200, std::string(kNoFlags));
    const std::string key = KeyOf(request);
    const std::string config = fmt::format(R"({{"token":{},{}}})", JsonText(key), kNothingOn);
    if (request.path.ends_with("/config")) return JsonAnswer(200, config);
    // A text of JSON is one of JavaScript; '<' could not end a script here, but in a copy of it.
    if (key.find('<') != std::string::npos) return EmptyAnswer(404);
    return {.status = 200,
            .content_type = "application/javascript",
            .body = fmt::format("(function(){{var c=window._POSTHOG_REMOTE_CONFIG="
                                "window._POSTHOG_REMOTE_CONFIG||{{}};"
                                "c[{}]={{config:{},siteApps:[]}}}})();",
                                JsonText(key), config)};
  }

 private:
  static bool IsFlags(const EdgeRequest& request) {
    return IsPath(request.path, "/flags") || IsPath(request.path, "/decide");
  }
};

}  // namespace

const Dialect& PostHog() {
  static const PostHogDialect dialect;
  return dialect;
}

const Dialect& PostHogConfig() {
  static const PostHogConfigDialect dialect;
  return dialect;
}

}  // namespace carillon
