#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/status.h"
#include "collector/dialects/event_writer.h"

// One log record of OpenTelemetry as an event, whichever encoding it came in.
namespace carillon {

// What records share. The objects are JSON; `levels` is how deep they are.
struct OtlpOrigin {
  std::string service;   // the resource's service.name
  std::string resource;  // its attributes, an object
  std::string scope;     // {"name":..,"version":..}; empty: none
  std::size_t levels = 1;
};

// The pieces of one record; empty: not there.
struct OtlpRecord {
  std::optional<std::int64_t> time_us;
  std::string body;        // a value
  std::string attributes;  // an object
  std::string severity_text;
  int severity_number = 0;
  std::string event_name;
  std::string trace_id;  // hexadecimal
  std::string span_id;
  std::string id;          // the attribute log.record.uid
  std::size_t levels = 0;  // how deep body and attributes are

  void Clear();
};

// Adds {"body":..,"severity":"INFO","severity_number":9,"event_name":..,"attributes":{..},
// "resource":{..},"scope":{..},"trace_id":..,"span_id":..}, each as far as it is there.
Status AddOtlpRecord(const OtlpOrigin& origin, const OtlpRecord& record, EventWriter* writer);

// The requests, in their encodings. INVALID_ARGUMENT: malformed, says where.
Status DecodeOtlpJson(std::string_view body, EventBatch* events);
Status DecodeOtlpProtobuf(std::string_view body, EventBatch* events);

// Values nested deeper than this make their record too deep.
inline constexpr std::size_t kMaxOtlpLevels = kMaxEventDepth;

}  // namespace carillon
