#include "collector/dialects/cloudevents.h"

#include <simdjson.h>

#include "collector/dialects/answers.h"
#include "collector/dialects/event_writer.h"
#include "collector/dialects/form.h"
#include "collector/dialects/shown_key.h"
#include "collector/dialects/time_values.h"

namespace carillon {
namespace {

constexpr std::string_view kMediaType = "application/cloudevents";
constexpr std::string_view kBatchType = "application/cloudevents-batch";
constexpr std::string_view kRequired[] = {"specversion", "id", "source", "type"};
constexpr std::string_view kAttributes[] = {"specversion", "id",          "source",
                                            "type",        "time",        "subject",
                                            "dataschema",  "traceparent", "partitionkey"};

// An attribute's header, where '%' escapes what is no ASCII.
std::string Attribute(const EdgeRequest& request, std::string_view name) {
  std::string escaped;
  for (const char c : request.Header(fmt::format("ce-{}", name))) {
    escaped.append(c == '+' ? std::string_view("%2B") : std::string_view(&c, 1));
  }
  return FormDecoded(escaped);
}

bool IsJsonType(std::string_view type) {
  const std::string_view media = type.substr(0, type.find(';'));
  return media.empty() || media == kJsonType || media.ends_with("+json");
}

Status AddBinary(const EdgeRequest& request, EventWriter* writer) {
  for (const std::string_view name : kRequired) {
    if (Attribute(request, name).empty()) return InvalidArgument("ce-{}: not there", name);
  }
  JsonObjectWriter out = writer->Begin();
  for (const std::string_view name : kAttributes) {
    const std::string value = Attribute(request, name);
    if (!value.empty()) out.AddText(name, value);
  }
  const std::string_view type = request.Header("Content-Type");
  if (!type.empty()) out.AddText("datacontenttype", type);
  JsonDocument document;
  if (!request.body.empty() && IsJsonType(type)) {
    if (const Status status = document.Parse(request.body); !status.ok()) {
      return Annotate(status, "data");
    }
    if (const Status status = writer->CheckPart(document.root(), 1); !status.ok()) {
      return writer->Reject(status);
    }
    document.root().AppendLine(out.Begin("data"));
  } else if (!request.body.empty()) {
    const bool text = simdjson::validate_utf8(request.body.data(), request.body.size());
    if (text) out.AddText("data", request.body);
    if (!text) out.AddText("data_base64", EncodeBase64(request.body));
  }
  const std::string stream = Attribute(request, "type");
  const std::string id =
      fmt::format("{} {}", Attribute(request, "source"), Attribute(request, "id"));
  return writer->Finish(
      {.stream = stream, .id = id, .time_us = TimeOfText(Attribute(request, "time"))}, &out);
}

Status AddStructured(JsonValue event, EventWriter* writer) {
  for (const std::string_view name : kRequired) {
    if (!event.IsObject()) break;
    if (event[name].Text().empty()) return writer->Reject(fmt::format("{}: not there", name));
  }
  const std::string id = fmt::format("{} {}", event["source"].Text(), event["id"].Text());
  std::string stream;
  return writer->Add({.stream = event["type"].Text(&stream),
                      .id = id,
                      .time_us = TimeOfText(event["time"].Written())},
                     event);
}

class CloudEventsDialect final : public Dialect {
 public:
  std::string_view name() const override { return "cloudevents"; }
  bool Matches(const EdgeRequest& request) const override {
    return request.method == "POST" && (request.Header("Content-Type").starts_with(kMediaType) ||
                                        !request.Header("ce-specversion").empty());
  }
  std::string KeyOf(const EdgeRequest& request) const override {
    return AnyAuthorizationOf(request);
  }

  Status Decode(const EdgeRequest& request, EventBatch* events) const override {
    EventWriter writer("events", events);
    const std::string_view type = request.Header("Content-Type");
    if (!type.starts_with(kMediaType)) return AddBinary(request, &writer);
    JsonDocument document;
    RETURN_IF_ERROR(document.Parse(request.body));
    const JsonValue root = document.root();
    if (!type.starts_with(kBatchType)) return AddStructured(root, &writer);
    if (!root.IsArray()) return InvalidArgument("body: want an array of events");
    for (const JsonValue event : root.items()) RETURN_IF_ERROR(AddStructured(event, &writer));
    return OkStatus();
  }

  EdgeAnswer Answer(const EdgeRequest&, const EdgeOutcome& outcome) const override {
    return AnswerOr(outcome, EmptyAnswer(204));
  }
};

}  // namespace

const Dialect& CloudEvents() {
  static const CloudEventsDialect dialect;
  return dialect;
}

}  // namespace carillon
