#include <algorithm>

#include "collector/dialects/answers.h"
#include "collector/dialects/form.h"
#include "collector/dialects/shown_key.h"
#include "collector/dialects/td_record.h"
#include "collector/dialects/time_values.h"
#include "collector/dialects/treasure_data.h"

namespace carillon {
namespace {

constexpr std::string_view kEventPath = "/js/v3/event";
constexpr std::string_view kGlobalIdPath = "/js/v3/global_id";
constexpr std::string_view kEnableGlobalIdPath = "/js/v3/enable_global_id";
constexpr std::size_t kMaxCallbackBytes = 128;

bool AsksForGlobalId(const EdgeRequest& request) {
  return request.path == kGlobalIdPath || request.path == kEnableGlobalIdPath;
}

// A name that a script may call: nothing else may get into one.
bool IsCallback(std::string_view name) {
  return !name.empty() && name.size() <= kMaxCallbackBytes &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '_' || c == '$' || c == '.';
         });
}

// `json` as it is, or as an argument of the callback that the request names.
EdgeAnswer MaybePadded(const EdgeRequest& request, std::string json) {
  const std::string callback = QueryField(request, "callback");
  if (!IsCallback(callback)) return JsonAnswer(200, std::move(json));
  return {.status = 200,
          .content_type = "application/javascript",
          .body = fmt::format("typeof {0} === 'function' && {0}({1})", callback, json)};
}

class TreasureDataV3Dialect final : public Dialect {
 public:
  std::string_view name() const override { return "treasuredata_v3"; }

  bool Matches(const EdgeRequest& request) const override {
    if (AsksForGlobalId(request)) return request.method == "GET";
    return (request.method == "POST" || request.method == "GET") &&
           request.path.starts_with(kEventPath) &&
           request.path.substr(kEventPath.size()).starts_with('/');
  }

  std::string KeyOf(const EdgeRequest& request) const override {
    return TdKeyOf(request, "api_key");
  }

  Status Decode(const EdgeRequest& request, EventBatch* events) const override {
    if (const auto callback = FormField(request.query, "callback");
        callback && !IsCallback(*callback)) {
      return InvalidArgument("callback: want a name of a-z, A-Z, 0-9, _, $, and '.'");
    }
    if (AsksForGlobalId(request)) return OkStatus();
    ASSIGN_OR_RETURN(const TdTable table, TdTableOf(request.path, kEventPath));
    std::string decoded;
    std::string_view text = request.body;
    if (text.empty()) {
      const auto data = FormField(request.query, "data");
      if (!data) return InvalidArgument("neither a body nor a parameter data");
      ASSIGN_OR_RETURN(decoded, DecodeBase64("data", *data));
      text = decoded;
    }
    JsonDocument document;
    if (const Status status = document.Parse(text); !status.ok()) return Annotate(status, "record");
    if (!document.root().IsObject()) return InvalidArgument("record: no JSON object");
    const std::string stream = table.Stream();
    EventWriter writer("record", events);
    return AddTdRecord(request,
                       {.stream = stream,
                        .time_us = TimeOfNumber(QueryField(request, "time"), TimeUnit::kSeconds)},
                       document.root(), &writer);
  }

  EdgeAnswer Answer(const EdgeRequest& request, const EdgeOutcome& outcome) const override {
    if (!OverallStatus(outcome).ok()) return ErrorAnswer(outcome);
    if (!AsksForGlobalId(request)) return MaybePadded(request, R"({"created":true})");
    EdgeAnswer answer =
        MaybePadded(request, fmt::format(R"({{"global_id":"{}"}})", TdGlobalIdOf(request)));
    SetTdGlobalId(request, &answer);
    return answer;
  }
};

}  // namespace

const Dialect& TreasureDataV3() {
  static const TreasureDataV3Dialect dialect;
  return dialect;
}

}  // namespace carillon
