#include "collector/dialects/sentry.h"

#include <charconv>

#include "collector/dialects/answers.h"
#include "collector/dialects/event_writer.h"
#include "collector/dialects/shown_key.h"
#include "collector/dialects/time_values.h"

namespace carillon {
namespace {

constexpr std::string_view kApi = "/api/";
constexpr std::string_view kEnvelope = "/envelope";
constexpr std::string_view kStore = "/store";

struct Target {
  std::string_view project;
  bool envelope = false;
};
std::optional<Target> TargetOf(const EdgeRequest& request) {
  std::string_view path = request.path;
  if (request.method != "POST" || !path.starts_with(kApi)) return std::nullopt;
  path.remove_prefix(kApi.size());
  if (path.ends_with('/')) path.remove_suffix(1);
  const std::size_t slash = path.find('/');
  if (slash == 0 || slash == std::string_view::npos) return std::nullopt;
  const std::string_view kind = path.substr(slash);
  if (kind != kEnvelope && kind != kStore) return std::nullopt;
  return Target{.project = path.substr(0, slash), .envelope = kind == kEnvelope};
}

std::string_view TakeLine(std::string_view* rest) {
  const std::string_view line = rest->substr(0, rest->find('\n'));
  rest->remove_prefix(std::min(rest->size(), line.size() + 1));
  return line;
}

// The payload behind an item's header: of its length, or a line.
StatusOr<std::string_view> TakePayload(JsonValue header, std::string_view* rest) {
  const JsonValue length = header["length"];
  if (!length.exists()) return TakeLine(rest);
  const std::string_view digits = length.raw();
  std::size_t size = 0;
  const auto result = std::from_chars(digits.data(), digits.data() + digits.size(), size);
  if (result.ec != std::errc{} || result.ptr != digits.data() + digits.size() ||
      size > rest->size()) {
    return InvalidArgument("length: {} of {} bytes left", digits.substr(0, 32), rest->size());
  }
  const std::string_view payload = rest->substr(0, size);
  rest->remove_prefix(size);
  if (rest->starts_with('\n')) rest->remove_prefix(1);
  return payload;
}

class ItemWriter {
 public:
  ItemWriter(std::string_view project, EventBatch* events)
      : project_(project), writer_("items", events) {}

  Status Add(std::string_view type, std::string_view event_id, std::string_view payload) {
    if (type == "client_report" || type == "attachment") return OkStatus();
    if (!payload.starts_with('{')) return OkStatus();
    JsonDocument document;
    if (const Status status = document.Parse(payload); !status.ok()) {
      return writer_.Reject(status);
    }
    const std::string stream = fmt::format("{}.{}", project_, type);
    const JsonValue list = document.root()["items"];
    if (list.IsArray()) {
      for (const JsonValue item : list.items()) RETURN_IF_ERROR(AddOne(stream, "", item));
      return OkStatus();
    }
    std::string id;
    if (type == "event" || type == "transaction") {
      id = document.root()["event_id"].Text();
      if (id.empty()) id = event_id;
    }
    return AddOne(stream, id, document.root());
  }

 private:
  Status AddOne(std::string_view stream, std::string_view id, JsonValue object) {
    return writer_.Add(
        {.stream = stream, .id = id, .time_us = TimeOf(object["timestamp"], TimeUnit::kSeconds)},
        object, kSecretMembers);
  }
  std::string_view project_;
  EventWriter writer_;
};

// "https://KEY@host/project" -> KEY
std::string KeyOfDsn(std::string_view dsn) {
  const std::size_t at = dsn.find('@');
  const std::size_t slashes = dsn.find("//");
  if (at == std::string_view::npos || slashes == std::string_view::npos || slashes > at) return {};
  const std::string_view user = dsn.substr(slashes + 2, at - slashes - 2);
  return std::string(user.substr(0, user.find(':')));
}

class SentryDialect final : public Dialect {
 public:
  std::string_view name() const override { return "sentry"; }
  bool Matches(const EdgeRequest& request) const override { return TargetOf(request).has_value(); }

  std::string KeyOf(const EdgeRequest& request) const override {
    std::string key = QueryField(request, "sentry_key");
    if (!key.empty()) return key;
    const std::string_view header = request.Header("X-Sentry-Auth");
    constexpr std::string_view kName = "sentry_key=";
    if (const std::size_t at = header.find(kName); at != std::string_view::npos) {
      const std::string_view rest = header.substr(at + kName.size());
      return std::string(rest.substr(0, rest.find_first_of(", ")));
    }
    std::string_view rest = request.body;
    JsonDocument document;
    if (!document.Parse(TakeLine(&rest)).ok()) return {};
    return KeyOfDsn(document.root()["dsn"].Text());
  }

  Status Decode(const EdgeRequest& request, EventBatch* events) const override {
    const Target target = *TargetOf(request);
    ItemWriter writer(target.project, events);
    if (!target.envelope) {
      JsonDocument document;
      RETURN_IF_ERROR(document.Parse(request.body));
      if (!document.root().IsObject()) return InvalidArgument("body: no JSON object");
      return writer.Add("event", "", document.root().raw());
    }
    std::string_view rest = request.body;
    JsonDocument header;
    if (const Status status = header.Parse(TakeLine(&rest)); !status.ok()) {
      return Annotate(status, "envelope header");
    }
    const std::string event_id = header.root()["event_id"].Text();
    std::size_t items = 0;
    while (!rest.empty()) {
      const std::string_view line = TakeLine(&rest);
      if (line.empty()) continue;
      if (++items > kMaxEventsInRequest)
        return OutOfRange("more than {} items", kMaxEventsInRequest);
      const std::string place = fmt::format("item {}", items);
      if (const Status status = header.Parse(line); !status.ok()) return Annotate(status, place);
      const StatusOr<std::string_view> payload = TakePayload(header.root(), &rest);
      if (!payload.ok()) return Annotate(payload.status(), place);
      RETURN_IF_ERROR(writer.Add(header.root()["type"].Text(), event_id, *payload));
    }
    return OkStatus();
  }

  EdgeAnswer Answer(const EdgeRequest& request, const EdgeOutcome& outcome) const override {
    const Status status = OverallStatus(outcome);
    if (!status.ok()) {
      const int http = HttpStatusOf(status.code());
      return JsonAnswer(http, fmt::format(R"({{"detail":{}}})", JsonText(Message(status))));
    }
    std::string_view rest = request.body;
    JsonDocument header;
    const bool envelope = TargetOf(request)->envelope;
    if (!header.Parse(envelope ? TakeLine(&rest) : rest).ok()) return JsonAnswer(200, "{}");
    const JsonValue id = header.root()["event_id"];
    if (!id.IsString() || id.HasLoneSurrogate()) return JsonAnswer(200, "{}");
    return JsonAnswer(200, fmt::format(R"({{"id":{}}})", id.raw()));
  }
};

}  // namespace

const Dialect& Sentry() {
  static const SentryDialect dialect;
  return dialect;
}

}  // namespace carillon
