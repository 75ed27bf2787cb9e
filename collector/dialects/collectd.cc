#include "collector/dialects/collectd.h"

#include "collector/dialects/answers.h"
#include "collector/dialects/event_writer.h"
#include "collector/dialects/shown_key.h"
#include "collector/dialects/time_values.h"

namespace carillon {
namespace {

class CollectdDialect final : public Dialect {
 public:
  std::string_view name() const override { return "collectd"; }
  bool Matches(const EdgeRequest& request) const override {
    return request.method == "POST" && request.path == "/collectd";
  }
  std::string KeyOf(const EdgeRequest& request) const override {
    return AnyAuthorizationOf(request);
  }
  Status Decode(const EdgeRequest& request, EventBatch* events) const override {
    JsonDocument document;
    RETURN_IF_ERROR(document.Parse(request.body));
    if (!document.root().IsArray()) {
      return InvalidArgument("body: want an array of value lists (Format \"JSON\")");
    }
    EventWriter writer("values", events);
    std::string plugin;
    for (const JsonValue list : document.root().items()) {
      RETURN_IF_ERROR(writer.Add({.stream = list["plugin"].Text(&plugin),
                                  .time_us = TimeOf(list["time"], TimeUnit::kSeconds)},
                                 list));
    }
    return OkStatus();
  }
  EdgeAnswer Answer(const EdgeRequest&, const EdgeOutcome& outcome) const override {
    return AnswerOr(outcome, EmptyAnswer(204));
  }
};

}  // namespace

const Dialect& Collectd() {
  static const CollectdDialect dialect;
  return dialect;
}

}  // namespace carillon
