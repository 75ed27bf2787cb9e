#include <algorithm>

#include <otlp_logs.pb.h>

#include "collector/dialects/form.h"
#include "collector/dialects/otlp_event.h"
#include "collector/dialects/time_values.h"

namespace carillon {
namespace {

using Pairs = google::protobuf::RepeatedPtrField<otlp::KeyValue>;

std::size_t AppendPairs(const Pairs& pairs, std::size_t level, std::string* out);

std::size_t AppendArray(const otlp::ArrayValue& array, std::size_t level, std::string* out);

// As in otlp_json.cc. protobuf has refused what is nested deeper than its own limit of 100.
std::size_t AppendAny(const otlp::AnyValue& any, std::size_t level, std::string* out) {
  switch (any.value_case()) {
    case otlp::AnyValue::kStringValue:
      AppendJsonText(any.string_value(), out);
      return 0;
    case otlp::AnyValue::kBoolValue:
      out->append(any.bool_value() ? "true" : "false");
      return 0;
    case otlp::AnyValue::kIntValue:
      fmt::format_to(std::back_inserter(*out), "{}", any.int_value());
      return 0;
    case otlp::AnyValue::kDoubleValue:
      AppendJsonNumber(any.double_value(), out);
      return 0;
    case otlp::AnyValue::kArrayValue:
      return AppendArray(any.array_value(), level, out);
    case otlp::AnyValue::kKvlistValue:
      return AppendPairs(any.kvlist_value().values(), level, out);
    case otlp::AnyValue::kBytesValue:
      AppendJsonText(EncodeBase64(any.bytes_value()), out);
      return 0;
    case otlp::AnyValue::VALUE_NOT_SET:
      out->append("null");
      return 0;
  }
  return 0;
}

std::size_t AppendArray(const otlp::ArrayValue& array, std::size_t level, std::string* out) {
  std::size_t below = 0;
  out->push_back('[');
  for (const otlp::AnyValue& item : array.values()) {
    if (out->back() != '[') out->push_back(',');
    below = std::max(below, AppendAny(item, level + 1, out));
  }
  out->push_back(']');
  return below + 1;
}

std::size_t AppendPairs(const Pairs& pairs, std::size_t level, std::string* out) {
  std::size_t below = 0;
  JsonObjectWriter writer(out);
  for (const otlp::KeyValue& pair : pairs) {
    below = std::max(below, AppendAny(pair.value(), level + 1, writer.Begin(pair.key())));
  }
  writer.End();
  return below + 1;
}

std::string TextAttribute(const Pairs& pairs, std::string_view name) {
  for (const otlp::KeyValue& pair : pairs) {
    if (pair.key() == name) return pair.value().string_value();
  }
  return {};
}

std::string Hex(std::string_view bytes) {
  std::string out;
  for (const char c : bytes.substr(0, 32)) {
    fmt::format_to(std::back_inserter(out), "{:02x}", static_cast<unsigned char>(c));
  }
  return out;
}

std::string ScopeOf(const otlp::InstrumentationScope& scope) {
  std::string out;
  JsonObjectWriter writer(&out);
  if (!scope.name().empty()) writer.AddText("name", scope.name());
  if (!scope.version().empty()) writer.AddText("version", scope.version());
  writer.End();
  return out;
}

void ReadRecord(const otlp::LogRecord& log, OtlpRecord* record) {
  record->Clear();
  const std::uint64_t time_ns =
      log.time_unix_nano() != 0 ? log.time_unix_nano() : log.observed_time_unix_nano();
  if (time_ns != 0) record->time_us = static_cast<std::int64_t>(time_ns / 1000);
  if (log.has_body()) record->levels = AppendAny(log.body(), 1, &record->body);
  record->levels = std::max(record->levels, AppendPairs(log.attributes(), 1, &record->attributes));
  record->severity_text = log.severity_text();
  record->severity_number = log.severity_number();
  record->event_name = log.event_name();
  record->trace_id = Hex(log.trace_id());
  record->span_id = Hex(log.span_id());
  record->id = TextAttribute(log.attributes(), "log.record.uid");
}

}  // namespace

Status DecodeOtlpProtobuf(std::string_view body, EventBatch* events) {
  otlp::ExportLogsServiceRequest request;
  if (body.size() > kMaxBatchJsonBytes) return OutOfRange("body: {} bytes", body.size());
  if (!request.ParseFromArray(body.data(), static_cast<int>(body.size()))) {
    return InvalidArgument("body: no protobuf of ExportLogsServiceRequest");
  }
  EventWriter writer("logRecords", events);
  OtlpRecord record;
  for (const otlp::ResourceLogs& resource_logs : request.resource_logs()) {
    const Pairs& attributes = resource_logs.resource().attributes();
    OtlpOrigin origin{.service = TextAttribute(attributes, "service.name")};
    origin.levels = AppendPairs(attributes, 1, &origin.resource);
    for (const otlp::ScopeLogs& scope_logs : resource_logs.scope_logs()) {
      origin.scope = ScopeOf(scope_logs.scope());
      for (const otlp::LogRecord& log : scope_logs.log_records()) {
        ReadRecord(log, &record);
        RETURN_IF_ERROR(AddOtlpRecord(origin, record, &writer));
      }
    }
  }
  return OkStatus();
}

}  // namespace carillon
