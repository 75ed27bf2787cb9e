#include "collector/dialects/snowplow.h"

#include "collector/dialects/answers.h"
#include "collector/dialects/event_writer.h"
#include "collector/dialects/form.h"
#include "collector/dialects/shown_key.h"
#include "collector/dialects/time_values.h"

namespace carillon {
namespace {

constexpr std::string_view kPostPath = "/com.snowplowanalytics.snowplow/tp2";
constexpr std::string_view kGetPath = "/i";
constexpr std::string_view kAppId[] = {"aid"};
// GIF89a, one transparent pixel.
constexpr std::string_view kPixel(
    "GIF89a\1\0\1\0\x80\0\0\0\0\0\xff\xff\xff!\xf9\4\1\0\0\0\0,\0\0\0\0\1\0\1\0\0\2\2D\1\0;", 43);

class SnowplowDialect final : public Dialect {
 public:
  std::string_view name() const override { return "snowplow"; }

  bool Matches(const EdgeRequest& request) const override {
    return (request.method == "POST" && request.path == kPostPath) || IsGet(request);
  }

  std::string KeyOf(const EdgeRequest& request) const override {
    std::string key = AnyAuthorizationOf(request);
    if (!key.empty()) return key;
    if (IsGet(request)) return QueryField(request, "aid");
    JsonDocument document;
    if (!document.Parse(request.body).ok()) return {};
    for (const JsonValue event : document.root()["data"].items()) return event["aid"].Text();
    return {};
  }

  Status Decode(const EdgeRequest& request, EventBatch* events) const override {
    const bool key_is_app = AnyAuthorizationOf(request).empty();
    EventWriter writer("data", events);
    if (IsGet(request)) return AddQuery(request, key_is_app, &writer);
    JsonDocument document;
    RETURN_IF_ERROR(document.Parse(request.body));
    const JsonValue list = document.root()["data"];
    if (!list.IsArray()) return InvalidArgument("data: want an array");
    std::string stream;
    std::string id;
    for (const JsonValue event : list.items()) {
      const EventFields where{.stream = event["e"].Text(&stream),
                              .id = event["eid"].Text(&id),
                              .time_us = TimeOf(event["dtm"], TimeUnit::kMilliseconds)};
      RETURN_IF_ERROR(key_is_app ? writer.Add(where, event, kAppId) : writer.Add(where, event));
    }
    return OkStatus();
  }

  EdgeAnswer Answer(const EdgeRequest& request, const EdgeOutcome& outcome) const override {
    if (!OverallStatus(outcome).ok()) return ErrorAnswer(outcome);
    if (!IsGet(request)) return TextAnswer(200, "ok");
    return {.status = 200, .content_type = "image/gif", .body = std::string(kPixel)};
  }

 private:
  static bool IsGet(const EdgeRequest& request) {
    return request.method == "GET" && request.path == kGetPath;
  }

  static Status AddQuery(const EdgeRequest& request, bool key_is_app, EventWriter* writer) {
    JsonObjectWriter out = writer->Begin();
    FormReader fields(request.query);
    std::size_t count = 0;
    while (fields.Next()) {
      if (++count > kMaxFormFields) return OutOfRange("more than {} parameters", kMaxFormFields);
      if (key_is_app && fields.name() == "aid") continue;
      out.AddText(fields.name(), fields.value());
    }
    const std::string stream = QueryField(request, "e");
    const std::string id = QueryField(request, "eid");
    return writer->Finish(
        {.stream = stream,
         .id = id,
         .time_us = TimeOfNumber(QueryField(request, "dtm"), TimeUnit::kMilliseconds)},
        &out);
  }
};

}  // namespace

const Dialect& Snowplow() {
  static const SnowplowDialect dialect;
  return dialect;
}

}  // namespace carillon
