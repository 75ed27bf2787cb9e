#include "collector/dialects/segment.h"

#include "collector/dialects/answers.h"
#include "collector/dialects/event_writer.h"
#include "collector/dialects/shown_key.h"
#include "collector/dialects/time_values.h"

namespace carillon {
namespace {

constexpr std::string_view kPrefix = "/v1/";
constexpr std::string_view kBatch = "batch";

struct Call {
  std::string_view path;
  std::string_view type;
};
constexpr Call kCalls[] = {{"batch", ""},
                           {"b", ""},
                           {"track", "track"},
                           {"t", "track"},
                           {"identify", "identify"},
                           {"i", "identify"},
                           {"page", "page"},
                           {"p", "page"},
                           {"screen", "screen"},
                           {"s", "screen"},
                           {"group", "group"},
                           {"g", "group"},
                           {"alias", "alias"},
                           {"a", "alias"}};

const Call* CallOf(const EdgeRequest& request) {
  std::string_view path = request.path;
  if (request.method != "POST" || !path.starts_with(kPrefix)) return nullptr;
  path.remove_prefix(kPrefix.size());
  if (path.ends_with('/')) path.remove_suffix(1);
  for (const Call& call : kCalls) {
    if (call.path == path) return &call;
  }
  return nullptr;
}

class SegmentDialect final : public Dialect {
 public:
  std::string_view name() const override { return "segment"; }
  bool Matches(const EdgeRequest& request) const override { return CallOf(request) != nullptr; }

  std::string KeyOf(const EdgeRequest& request) const override {
    std::string key = BasicAuthorizationOf(request).user;
    if (!key.empty()) return key;
    JsonDocument document;
    if (!document.Parse(request.body).ok()) return {};
    return document.root()["writeKey"].Text();
  }

  Status Decode(const EdgeRequest& request, EventBatch* events) const override {
    const Call* call = CallOf(request);
    JsonDocument document;
    RETURN_IF_ERROR(document.Parse(request.body));
    EventWriter writer(kBatch, events);
    if (!call->type.empty()) {
      if (!document.root().IsObject()) return InvalidArgument("body: no JSON object");
      return AddMessage(document.root(), call->type, &writer);
    }
    const JsonValue list = document.root()[kBatch];
    if (!list.IsArray()) return InvalidArgument("batch: want an array of messages");
    for (const JsonValue message : list.items()) {
      RETURN_IF_ERROR(AddMessage(message, "", &writer));
    }
    return OkStatus();
  }

  EdgeAnswer Answer(const EdgeRequest&, const EdgeOutcome& outcome) const override {
    return AnswerOr(outcome, JsonAnswer(200, R"({"success":true})"));
  }

 private:
  static Status AddMessage(JsonValue message, std::string_view type, EventWriter* writer) {
    std::string stream;
    std::string id;
    const JsonValue own_type = message["type"];
    auto time = TimeOf(message["timestamp"], TimeUnit::kMilliseconds);
    if (!time) time = TimeOf(message["originalTimestamp"], TimeUnit::kMilliseconds);
    return writer->Add({.stream = own_type.IsString() ? own_type.Text(&stream) : type,
                        .id = message["messageId"].Text(&id),
                        .time_us = time},
                       message, kSecretMembers);
  }
};

}  // namespace

const Dialect& Segment() {
  static const SegmentDialect dialect;
  return dialect;
}

}  // namespace carillon
