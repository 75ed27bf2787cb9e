#include "collector/dialects/answers.h"
#include "collector/dialects/shown_key.h"
#include "collector/dialects/td_record.h"
#include "collector/dialects/time_values.h"
#include "collector/dialects/treasure_data.h"

namespace carillon {
namespace {

constexpr std::string_view kMediaType = "application/vnd.treasuredata.";

bool IsTreasureData(const EdgeRequest& request) {
  return request.Header("Content-Type").starts_with(kMediaType) ||
         request.Header("Accept").starts_with(kMediaType) ||
         !AuthorizationOf(request, "TD1").empty();
}

bool IsOfABrowser(const EdgeRequest& request) {
  return !request.Header("Origin").empty();
}

// What a phone does with the event: these names make it forget it, others send it again.
std::string_view ErrorName(StatusCode code) {
  return code == StatusCode::kInvalidArgument || code == StatusCode::kOutOfRange
             ? "InvalidPropertyValueError"
             : "TryAgainError";
}

std::string Receipts(const EventBatch& events) {
  std::string body = R"({"created":true,"receipts":[)";
  for (std::size_t i = 0; i < events.size(); ++i) {
    if (i > 0) body.push_back(',');
    const EventRejection* rejection = events.rejection(i);
    if (rejection == nullptr) {
      body.append(R"({"success":true})");
      continue;
    }
    fmt::format_to(std::back_inserter(body),
                   R"({{"success":false,"error":{{"name":"{}","description":{}}}}})",
                   ErrorName(rejection->code), JsonText(rejection->text));
  }
  body.append("]}");
  return body;
}

class TreasureDataV4Dialect final : public Dialect {
 public:
  std::string_view name() const override { return "treasuredata"; }

  bool Matches(const EdgeRequest& request) const override {
    if (!IsTreasureData(request)) return false;
    if (request.path == "/") return request.method == "GET";
    return request.method == "POST" && request.path.find('/', 1) != std::string_view::npos &&
           request.path.find('/', request.path.find('/', 1) + 1) == std::string_view::npos;
  }

  std::string KeyOf(const EdgeRequest& request) const override {
    return TdKeyOf(request, "td_write_key");
  }

  Status Decode(const EdgeRequest& request, EventBatch* events) const override {
    if (request.path == "/") return OkStatus();
    ASSIGN_OR_RETURN(const TdTable table, TdTableOf(request.path, ""));
    JsonDocument document;
    RETURN_IF_ERROR(document.Parse(request.body));
    const JsonValue list = document.root()["events"];
    if (!list.IsArray()) return InvalidArgument("events: want an array of records");
    const std::string stream = table.Stream();
    const auto time = TimeOfNumber(QueryField(request, "time"), TimeUnit::kSeconds);
    const bool has_ids = !IsOfABrowser(request);
    EventWriter writer("events", events);
    std::string id;
    for (const JsonValue record : list.items()) {
      const EventFields where{.stream = stream,
                              .id = has_ids ? record["uuid"].Text(&id) : std::string_view(),
                              .time_us = time};
      RETURN_IF_ERROR(AddTdRecord(request, where, record, &writer));
    }
    return OkStatus();
  }

  EdgeAnswer Answer(const EdgeRequest& request, const EdgeOutcome& outcome) const override {
    if (!outcome.status.ok()) return ErrorAnswer(outcome);
    if (request.path == "/") {
      EdgeAnswer answer =
          JsonAnswer(200, fmt::format(R"({{"global_id":"{}"}})", TdGlobalIdOf(request)));
      SetTdGlobalId(request, &answer);
      return answer;
    }
    if (IsOfABrowser(request) && !OverallStatus(outcome).ok()) return ErrorAnswer(outcome);
    return JsonAnswer(
        200, outcome.events == nullptr ? R"({"created":true})" : Receipts(*outcome.events));
  }
};

}  // namespace

const Dialect& TreasureDataV4() {
  static const TreasureDataV4Dialect dialect;
  return dialect;
}

}  // namespace carillon
