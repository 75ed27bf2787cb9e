#include <algorithm>

#include "collector/dialects/answers.h"
#include "collector/dialects/td_record.h"
#include "collector/dialects/treasure_data.h"

namespace carillon {
namespace {

// Why "database.table" is none.
Status CheckStream(std::string_view stream) {
  std::string path(stream);
  const std::size_t point = path.find('.');
  if (point == std::string::npos) return InvalidArgument("'{}': want database.table", stream);
  path[point] = '/';
  return TdTableOf(path, "").status();
}

// The record without its control members and keys.
Status AddRecord(std::string_view stream, JsonValue record, EventWriter* writer) {
  if (!record.IsObject()) return writer->Reject("no JSON object");
  if (const Status status = writer->CheckPart(record, 0); !status.ok()) {
    return writer->Reject(status);
  }
  JsonObjectWriter out = writer->Begin();
  std::string scratch;
  for (const JsonMember member : record.members()) {
    const std::string_view name = member.name.Text(&scratch);
    const bool secret = std::find(std::begin(kSecretMembers), std::end(kSecretMembers), name) !=
                        std::end(kSecretMembers);
    if (!secret && !name.starts_with('#')) out.AddMember(member);
  }
  std::string id;
  return writer->Finish({.stream = stream, .id = record["#UUID"].Text(&id)}, &out);
}

class TreasureDataMobileDialect final : public Dialect {
 public:
  std::string_view name() const override { return "treasuredata_mobile"; }

  bool Matches(const EdgeRequest& request) const override {
    return request.method == "POST" &&
           (request.path == "/android/v3/event" || request.path == "/ios/v3/event");
  }

  std::string KeyOf(const EdgeRequest& request) const override {
    return TdKeyOf(request, "api_key");
  }

  Status Decode(const EdgeRequest& request, EventBatch* events) const override {
    JsonDocument document;
    RETURN_IF_ERROR(document.Parse(request.body));
    if (!document.root().IsObject()) return InvalidArgument("body: want an object of arrays");
    EventWriter writer("records", events);
    for (const JsonMember table : document.root().members()) {
      const std::string stream = table.name.Text();
      if (!table.value.IsArray()) return InvalidArgument("'{}': want an array", stream);
      const Status good = CheckStream(stream);
      for (const JsonValue record : table.value.items()) {
        if (!good.ok()) {
          RETURN_IF_ERROR(writer.Reject(good));
          continue;
        }
        RETURN_IF_ERROR(AddRecord(stream, record, &writer));
      }
    }
    return OkStatus();
  }

  // The body tells which events are of which table; it was read once, so it can be read again.
  EdgeAnswer Answer(const EdgeRequest& request, const EdgeOutcome& outcome) const override {
    if (!outcome.status.ok()) return ErrorAnswer(outcome);
    JsonDocument document;
    if (outcome.events == nullptr || !document.Parse(request.body).ok()) {
      return JsonAnswer(200, "{}");
    }
    std::string body;
    JsonObjectWriter writer(&body);
    std::size_t place = 0;
    for (const JsonMember table : document.root().members()) {
      std::string* out = writer.Begin(table.name.Text());
      out->push_back('[');
      for ([[maybe_unused]] const JsonValue record : table.value.items()) {
        if (out->back() != '[') out->push_back(',');
        AppendReceipt(*outcome.events, place++, out);
      }
      out->push_back(']');
    }
    writer.End();
    return JsonAnswer(200, std::move(body));
  }

 private:
  static void AppendReceipt(const EventBatch& events, std::size_t place, std::string* out) {
    const EventRejection* rejection = place < events.size() ? events.rejection(place) : nullptr;
    if (rejection == nullptr) {
      out->append(R"({"success":true})");
      return;
    }
    const bool forget = rejection->code == StatusCode::kInvalidArgument;
    fmt::format_to(
        std::back_inserter(*out), R"({{"success":false,"error":{{"name":"{}","description":{}}}}})",
        forget ? "InvalidPropertyValueError" : "TryAgainError", JsonText(rejection->text));
  }
};

}  // namespace

const Dialect& TreasureDataMobile() {
  static const TreasureDataMobileDialect dialect;
  return dialect;
}

}  // namespace carillon
