#include "collector/dialects/amplitude.h"

#include "collector/dialects/answers.h"
#include "collector/dialects/event_writer.h"
#include "collector/dialects/shown_key.h"
#include "collector/dialects/time_values.h"

namespace carillon {
namespace {

class AmplitudeDialect final : public Dialect {
 public:
  std::string_view name() const override { return "amplitude"; }
  bool Matches(const EdgeRequest& request) const override {
    return request.method == "POST" && (request.path == "/2/httpapi" || request.path == "/batch");
  }

  std::string KeyOf(const EdgeRequest& request) const override {
    JsonDocument document;
    if (!document.Parse(request.body).ok()) return {};
    return document.root()["api_key"].Text();
  }

  Status Decode(const EdgeRequest& request, EventBatch* events) const override {
    JsonDocument document;
    RETURN_IF_ERROR(document.Parse(request.body));
    const JsonValue list = document.root()["events"];
    if (!list.IsArray()) return InvalidArgument("events: want an array");
    EventWriter writer("events", events);
    std::string stream;
    std::string id;
    for (const JsonValue event : list.items()) {
      RETURN_IF_ERROR(writer.Add({.stream = event["event_type"].Text(&stream),
                                  .id = event["insert_id"].Text(&id),
                                  .time_us = TimeOf(event["time"], TimeUnit::kMilliseconds)},
                                 event, kSecretMembers));
    }
    return OkStatus();
  }

  EdgeAnswer Answer(const EdgeRequest& request, const EdgeOutcome& outcome) const override {
    const Status status = OverallStatus(outcome);
    if (!status.ok()) {
      // It knows 400 with this text for a key that nobody has.
      const int http = HttpStatusOf(status.code());
      const bool bad_key = http == 401 || http == 403;
      return JsonAnswer(bad_key ? 400 : http,
                        fmt::format(R"({{"code":{},"error":{}}})", bad_key ? 400 : http,
                                    JsonText(bad_key ? "Invalid API key" : Message(status))));
    }
    const std::size_t taken =
        outcome.events == nullptr ? 0 : outcome.events->size() - outcome.events->rejected();
    return JsonAnswer(200,
                      fmt::format(R"({{"code":200,"events_ingested":{},"payload_size_bytes":{},)"
                                  R"("server_upload_time":{}}})",
                                  taken, request.body.size(), request.received_us / 1000));
  }
};

}  // namespace

const Dialect& Amplitude() {
  static const AmplitudeDialect dialect;
  return dialect;
}

}  // namespace carillon
