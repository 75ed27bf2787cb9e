#include "collector/dialects/answers.h"
#include "collector/dialects/form.h"
#include "collector/dialects/td_record.h"
#include "collector/dialects/time_values.h"
#include "collector/dialects/treasure_data.h"

namespace carillon {
namespace {

constexpr std::string_view kPath = "/postback/v3/event";
constexpr std::int64_t kOldestUs = 7 * kDayUs;
constexpr std::int64_t kNewestUs = 3 * kDayUs;

std::optional<std::int64_t> RecordTime(const EdgeRequest& request, JsonValue record) {
  auto time = TimeOf(record["td_record_time"], TimeUnit::kSeconds);
  if (const auto field = FormField(request.query, "td_record_time"); field) {
    time = TimeOfNumber(*field, TimeUnit::kSeconds);
  }
  if (!time || *time < request.received_us - kOldestUs || *time > request.received_us + kNewestUs) {
    return std::nullopt;
  }
  return time;
}

class TreasureDataPostbackDialect final : public Dialect {
 public:
  std::string_view name() const override { return "treasuredata_postback"; }

  bool Matches(const EdgeRequest& request) const override {
    return request.method == "POST" && request.path.starts_with(kPath) &&
           request.path.substr(kPath.size()).starts_with('/');
  }

  std::string KeyOf(const EdgeRequest& request) const override {
    return TdKeyOf(request, "td_write_key");
  }

  Status Decode(const EdgeRequest& request, EventBatch* events) const override {
    if (request.body.size() > kMaxPostbackBytes) {
      return OutOfRange("body: {} bytes, at most {}", request.body.size(), kMaxPostbackBytes);
    }
    ASSIGN_OR_RETURN(const TdTable table, TdTableOf(request.path, kPath));
    JsonDocument document;
    if (const Status status = document.Parse(request.body); !status.ok()) {
      return Annotate(status, "record");
    }
    if (!document.root().IsObject()) return InvalidArgument("record: no JSON object");
    const std::string stream = table.Stream();
    EventWriter writer("record", events);
    return AddTdRecord(request, {.stream = stream, .time_us = RecordTime(request, document.root())},
                       document.root(), &writer);
  }

  EdgeAnswer Answer(const EdgeRequest&, const EdgeOutcome& outcome) const override {
    // Its clients know 403 for a key that is not good.
    EdgeAnswer answer = AnswerOr(outcome, JsonAnswer(200, R"({"created":true})"));
    if (answer.status == 401) answer.status = 403;
    return answer;
  }
};

}  // namespace

const Dialect& TreasureDataPostback() {
  static const TreasureDataPostbackDialect dialect;
  return dialect;
}

}  // namespace carillon
