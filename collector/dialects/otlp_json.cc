// OTLP/JSON: opentelemetry.io/docs/specs/otlp, "JSON Protobuf Encoding".
#include <algorithm>

#include "collector/dialects/otlp_event.h"
#include "collector/dialects/time_values.h"

namespace carillon {
namespace {

bool IsInteger(std::string_view text) {
  if (text.starts_with('-')) text.remove_prefix(1);
  return !text.empty() && text.size() <= 19 && (text[0] != '0' || text.size() == 1) &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

std::size_t AppendPairs(JsonValue pairs, std::size_t level, std::string* out);

// Appends an AnyValue as plain JSON; returns how deep it is: 0 a scalar. Stops below
// kMaxOtlpLevels, where it is too deep already.
std::size_t AppendAny(JsonValue any, std::size_t level, std::string* out) {
  JsonMember member;
  for (const JsonMember each : any.members()) member = each;
  const std::string_view kind = member.name.Written();
  const JsonValue value = member.value;
  if (level > kMaxOtlpLevels) {
    out->append("null");
    return 0;
  }
  if (kind == "kvlistValue") return AppendPairs(value["values"], level, out);
  if (kind == "arrayValue") {
    std::size_t below = 0;
    out->push_back('[');
    for (const JsonValue item : value["values"].items()) {
      if (out->back() != '[') out->push_back(',');
      below = std::max(below, AppendAny(item, level + 1, out));
    }
    out->push_back(']');
    return below + 1;
  }
  if (kind == "intValue" && IsInteger(value.Written())) {
    out->append(value.Written());
  } else if (value.IsObject() || value.IsArray() || !value.exists()) {
    out->append("null");
  } else {
    out->append(value.raw());
  }
  return 0;
}

std::size_t AppendPairs(JsonValue pairs, std::size_t level, std::string* out) {
  std::size_t below = 0;
  out->push_back('{');
  bool first = true;
  for (const JsonValue pair : pairs.items()) {
    const JsonValue key = pair["key"];
    if (!key.IsString()) continue;
    if (!first) out->push_back(',');
    first = false;
    out->append(key.raw());
    out->push_back(':');
    below = std::max(below, AppendAny(pair["value"], level + 1, out));
  }
  out->push_back('}');
  return below + 1;
}

std::string TextAttribute(JsonValue attributes, std::string_view name) {
  for (const JsonValue pair : attributes.items()) {
    if (pair["key"].Text() == name) return pair["value"]["stringValue"].Text();
  }
  return {};
}

std::string ScopeOf(JsonValue scope) {
  std::string out;
  JsonObjectWriter writer(&out);
  for (const std::string_view name : {"name", "version"}) {
    const std::string text = scope[name].Text();
    if (!text.empty()) writer.AddText(name, text);
  }
  writer.End();
  return out;
}

void ReadRecord(JsonValue json, OtlpRecord* record) {
  record->Clear();
  for (const std::string_view name : {"timeUnixNano", "observedTimeUnixNano"}) {
    const auto time = TimeOfNumber(json[name].Written(), TimeUnit::kNanoseconds);
    if (!record->time_us && time.value_or(0) != 0) record->time_us = time;
  }
  const JsonValue attributes = json["attributes"];
  if (json["body"].IsObject()) record->levels = AppendAny(json["body"], 1, &record->body);
  record->levels = std::max(record->levels, AppendPairs(attributes, 1, &record->attributes));
  record->severity_text = json["severityText"].Text();
  const std::string_view number = json["severityNumber"].Written();
  if (number.size() <= 2 && IsInteger(number))
    record->severity_number = std::stoi(std::string(number));
  record->event_name = json["eventName"].Text();
  record->trace_id = json["traceId"].Text();
  record->span_id = json["spanId"].Text();
  record->id = TextAttribute(attributes, "log.record.uid");
}

// `name` of `parent`: an array, or not there. INVALID_ARGUMENT: something else.
StatusOr<JsonValue> List(JsonValue parent, std::string_view name) {
  const JsonValue list = parent[name];
  if (list.exists() && !list.IsArray() && list.type() != JsonType::kNull) {
    return InvalidArgument("{}: want an array", name);
  }
  return list;
}

}  // namespace

Status DecodeOtlpJson(std::string_view body, EventBatch* events) {
  JsonDocument document;
  RETURN_IF_ERROR(document.Parse(body));
  if (!document.root().IsObject()) return InvalidArgument("body: no JSON object");
  ASSIGN_OR_RETURN(const JsonValue resources, List(document.root(), "resourceLogs"));
  EventWriter writer("logRecords", events);
  OtlpRecord record;
  for (const JsonValue resource_logs : resources.items()) {
    const JsonValue attributes = resource_logs["resource"]["attributes"];
    OtlpOrigin origin{.service = TextAttribute(attributes, "service.name")};
    origin.levels = AppendPairs(attributes, 1, &origin.resource);
    ASSIGN_OR_RETURN(const JsonValue scopes, List(resource_logs, "scopeLogs"));
    for (const JsonValue scope_logs : scopes.items()) {
      origin.scope = ScopeOf(scope_logs["scope"]);
      ASSIGN_OR_RETURN(const JsonValue records, List(scope_logs, "logRecords"));
      for (const JsonValue json : records.items()) {
        if (!json.IsObject() || json.HasLoneSurrogate()) {
          RETURN_IF_ERROR(writer.Reject(json.IsObject() ? "half of a surrogate pair in a string"
                                                        : "no JSON object"));
          continue;
        }
        ReadRecord(json, &record);
        RETURN_IF_ERROR(AddOtlpRecord(origin, record, &writer));
      }
    }
  }
  return OkStatus();
}

}  // namespace carillon
