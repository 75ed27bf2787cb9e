#include "collector/dialects/splunk_hec.h"

#include "collector/dialects/answers.h"
#include "collector/dialects/event_writer.h"
#include "collector/dialects/shown_key.h"
#include "collector/dialects/time_values.h"

namespace carillon {
namespace {

constexpr std::string_view kRoot = "/services/collector";
constexpr std::string_view kNoEvent = "no `event`";
constexpr std::string_view kMetadata[] = {"host", "source", "sourcetype", "index"};

std::string_view PathBelow(const EdgeRequest& request) {
  if (!request.path.starts_with(kRoot)) return "-";
  std::string_view path = request.path.substr(kRoot.size());
  if (path.ends_with('/')) path.remove_suffix(1);
  return path;
}

std::string TokenOf(const EdgeRequest& request) {
  if (const auto token = AuthorizationOf(request, "Splunk"); !token.empty()) {
    return std::string(token);
  }
  return BasicAuthorizationOf(request).password;
}

EdgeAnswer CodeAnswer(int status, int code, std::string_view text, std::size_t place,
                      bool has_place = false) {
  std::string body;
  JsonObjectWriter writer(&body);
  writer.AddText("text", text);
  writer.AddInteger("code", code);
  if (has_place) writer.AddInteger("invalid-event-number", static_cast<std::int64_t>(place));
  writer.End();
  return JsonAnswer(status, std::move(body));
}

EdgeAnswer AnswerOfRejection(const EventBatch& events) {
  std::size_t place = 0;
  while (events.rejection(place) == nullptr) ++place;
  const EventRejection& rejection = *events.rejection(place);
  const int status = HttpStatusOf(rejection.code);
  if (status == 429 || status == 503) return CodeAnswer(status, 9, "Server is busy", place, true);
  if (rejection.text.ends_with(kNoEvent)) {
    return CodeAnswer(400, 12, "Event field is required", place, true);
  }
  return CodeAnswer(400, 6, rejection.text, place, true);
}

EdgeAnswer HecAnswer(const EdgeOutcome& outcome) {
  const Status& status = outcome.status;
  if (status.ok()) {
    if (outcome.events == nullptr || outcome.events->rejected() == 0) {
      return CodeAnswer(200, 0, "Success", 0);
    }
    return AnswerOfRejection(*outcome.events);
  }
  const int http = HttpStatusOf(status.code());
  if (http == 401) {
    return outcome.key_missing ? CodeAnswer(401, 2, "Token is required", 0)
                               : CodeAnswer(403, 4, "Invalid token", 0);
  }
  if (http == 403) return CodeAnswer(403, 1, "Token disabled", 0);
  if (http == 429 || http == 503) return CodeAnswer(http, 9, "Server is busy", 0);
  if (http == 400 && Message(status) == "no data") return CodeAnswer(400, 5, "No data", 0);
  return CodeAnswer(http, http == 500 ? 8 : 6, Message(status), 0);
}

void SetStream(std::string_view index, std::string_view sourcetype, std::string* stream) {
  stream->assign(index);
  if (!index.empty() && !sourcetype.empty()) stream->push_back('.');
  stream->append(sourcetype);
}

class SplunkEventsDialect final : public Dialect {
 public:
  std::string_view name() const override { return "splunk_hec"; }

  bool Matches(const EdgeRequest& request) const override {
    const std::string_view path = PathBelow(request);
    if (IsHealth(request)) return true;
    return request.method == "POST" && (path.empty() || path == "/event" || path == "/event/1.0");
  }

  std::string KeyOf(const EdgeRequest& request) const override { return TokenOf(request); }

  Status Decode(const EdgeRequest& request, EventBatch* events) const override {
    if (IsHealth(request)) return OkStatus();
    JsonDocument document;
    RETURN_IF_ERROR(document.ParseSequence(request.body));
    if (document.root().size() == 0) return InvalidArgument("no data");
    EventWriter writer("events", events);
    for (const JsonValue item : document.root().items()) {
      if (!item.IsArray()) {
        RETURN_IF_ERROR(AddEnvelope(item, &writer));
        continue;
      }
      for (const JsonValue envelope : item.items()) {
        RETURN_IF_ERROR(AddEnvelope(envelope, &writer));
      }
    }
    return OkStatus();
  }

  EdgeAnswer Answer(const EdgeRequest& request, const EdgeOutcome& outcome) const override {
    if (IsHealth(request) && outcome.status.ok()) return CodeAnswer(200, 17, "HEC is healthy", 0);
    return HecAnswer(outcome);
  }

 private:
  // What an envelope says around its event; the last of members of one name.
  struct Envelope {
    JsonValue event;
    JsonValue time;
    JsonValue fields;
    JsonValue metadata[std::size(kMetadata)];
  };

  static bool IsHealth(const EdgeRequest& request) {
    return request.method == "GET" && PathBelow(request).starts_with("/health");
  }

  static Envelope Read(JsonValue object) {
    Envelope envelope;
    for (const JsonMember member : object.members()) {
      const std::string_view name = member.name.Written();
      if (name == "event") envelope.event = member.value;
      if (name == "time") envelope.time = member.value;
      if (name == "fields") envelope.fields = member.value;
      for (std::size_t i = 0; i < std::size(kMetadata); ++i) {
        if (name == kMetadata[i]) envelope.metadata[i] = member.value;
      }
    }
    return envelope;
  }

  static Status AddEnvelope(JsonValue object, EventWriter* writer) {
    if (!object.IsObject()) return writer->Reject("no JSON object");
    const Envelope envelope = Read(object);
    const JsonValue event = envelope.event;
    if (!event.exists() || event.type() == JsonType::kNull) return writer->Reject(kNoEvent);
    if (const Status status = writer->CheckPart(object, 0); !status.ok()) {
      return writer->Reject(status);
    }
    JsonObjectWriter out = writer->Begin();
    if (event.IsObject()) {
      out.AddMembersOf(event);
    } else {
      event.AppendLine(out.Begin("message"));
    }
    for (std::size_t i = 0; i < std::size(kMetadata); ++i) {
      const JsonValue value = envelope.metadata[i];
      if (!value.exists() || event[kMetadata[i]].exists()) continue;
      value.AppendLine(out.Begin(kMetadata[i]));
    }
    if (envelope.fields.IsObject() && !event["fields"].exists()) {
      envelope.fields.AppendLine(out.Begin("fields"));
    }
    std::string scratch[2];
    std::string stream;
    SetStream(envelope.metadata[3].Text(&scratch[0]), envelope.metadata[2].Text(&scratch[1]),
              &stream);
    return writer->Finish({.stream = stream, .time_us = TimeOf(envelope.time, TimeUnit::kSeconds)},
                          &out);
  }
};

class SplunkRawDialect final : public Dialect {
 public:
  std::string_view name() const override { return "splunk_raw"; }

  bool Matches(const EdgeRequest& request) const override {
    const std::string_view path = PathBelow(request);
    return request.method == "POST" && (path == "/raw" || path == "/raw/1.0");
  }

  std::string KeyOf(const EdgeRequest& request) const override { return TokenOf(request); }

  Status Decode(const EdgeRequest& request, EventBatch* events) const override {
    std::string metadata[std::size(kMetadata)];
    for (std::size_t i = 0; i < std::size(kMetadata); ++i) {
      metadata[i] = QueryField(request, kMetadata[i]);
    }
    std::string stream;
    SetStream(metadata[3], metadata[2], &stream);
    EventWriter writer("lines", events);
    for (std::string_view rest = request.body; !rest.empty();) {
      std::string_view line = rest.substr(0, rest.find('\n'));
      rest.remove_prefix(std::min(rest.size(), line.size() + 1));
      if (line.ends_with('\r')) line.remove_suffix(1);
      if (line.empty()) continue;
      JsonObjectWriter out = writer.Begin();
      out.AddText("message", line);
      for (std::size_t i = 0; i < std::size(kMetadata); ++i) {
        if (!metadata[i].empty()) out.AddText(kMetadata[i], metadata[i]);
      }
      RETURN_IF_ERROR(writer.Finish({.stream = stream}, &out));
    }
    return events->empty() ? InvalidArgument("no data") : OkStatus();
  }

  EdgeAnswer Answer(const EdgeRequest&, const EdgeOutcome& outcome) const override {
    return HecAnswer(outcome);
  }
};

}  // namespace

const Dialect& SplunkEvents() {
  static const SplunkEventsDialect dialect;
  return dialect;
}

const Dialect& SplunkRaw() {
  static const SplunkRawDialect dialect;
  return dialect;
}

}  // namespace carillon
