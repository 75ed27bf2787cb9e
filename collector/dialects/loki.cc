#include "collector/dialects/loki.h"

#include "collector/dialects/answers.h"
#include "collector/dialects/event_writer.h"
#include "collector/dialects/shown_key.h"
#include "collector/dialects/time_values.h"

namespace carillon {
namespace {

constexpr std::string_view kStreamLabels[] = {"job", "service_name", "app"};

bool IsProtobuf(const EdgeRequest& request) {
  return request.Header("Content-Type").starts_with("application/x-protobuf");
}

std::string StreamOf(JsonValue labels) {
  for (const std::string_view label : kStreamLabels) {
    std::string name = labels[label].Text();
    if (!name.empty()) return name;
  }
  return {};
}

class LokiDialect final : public Dialect {
 public:
  std::string_view name() const override { return "loki"; }
  bool Matches(const EdgeRequest& request) const override {
    return request.method == "POST" && request.path == "/loki/api/v1/push";
  }
  std::string KeyOf(const EdgeRequest& request) const override {
    return AnyAuthorizationOf(request);
  }

  Status Decode(const EdgeRequest& request, EventBatch* events) const override {
    if (IsProtobuf(request)) {
      return InvalidArgument("Content-Type: want application/json; snappy is not taken here");
    }
    JsonDocument document;
    RETURN_IF_ERROR(document.Parse(request.body));
    const JsonValue streams = document.root()["streams"];
    if (!streams.IsArray()) return InvalidArgument("streams: want an array");
    EventWriter writer("values", events);
    for (const JsonValue stream : streams.items()) {
      const JsonValue values = stream["values"];
      if (!values.IsArray()) return InvalidArgument("values: want an array");
      const std::string name = StreamOf(stream["stream"]);
      for (const JsonValue value : values.items()) {
        RETURN_IF_ERROR(AddValue(name, stream["stream"], value, &writer));
      }
    }
    return OkStatus();
  }

  EdgeAnswer Answer(const EdgeRequest& request, const EdgeOutcome& outcome) const override {
    EdgeAnswer answer = AnswerOr(outcome, EmptyAnswer(204));
    if (answer.status == 400 && IsProtobuf(request)) answer.status = 415;
    return answer;
  }

 private:
  static Status AddValue(std::string_view stream, JsonValue labels, JsonValue value,
                         EventWriter* writer) {
    JsonValue parts[3];
    std::size_t count = 0;
    for (const JsonValue part : value.items()) {
      if (count < std::size(parts)) parts[count] = part;
      ++count;
    }
    if (count < 2 || count > 3 || !parts[1].IsString()) {
      return writer->Reject("want [\"time\", \"line\"]");
    }
    for (const JsonValue part : {parts[1], parts[2], labels}) {
      if (const Status status = writer->CheckPart(part, 1); !status.ok()) {
        return writer->Reject(status);
      }
    }
    JsonObjectWriter out = writer->Begin();
    out.Add("message", parts[1].raw());
    if (labels.IsObject()) labels.AppendLine(out.Begin("labels"));
    if (parts[2].IsObject()) parts[2].AppendLine(out.Begin("metadata"));
    return writer->Finish(
        {.stream = stream, .time_us = TimeOfNumber(parts[0].Written(), TimeUnit::kNanoseconds)},
        &out);
  }
};

}  // namespace

const Dialect& LokiPush() {
  static const LokiDialect dialect;
  return dialect;
}

}  // namespace carillon
