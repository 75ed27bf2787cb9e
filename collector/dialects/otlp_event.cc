#include "collector/dialects/otlp_event.h"

#include <algorithm>

namespace carillon {

void OtlpRecord::Clear() {
  time_us.reset();
  severity_number = 0;
  levels = 0;
  for (std::string* text :
       {&body, &attributes, &severity_text, &event_name, &trace_id, &span_id, &id}) {
    text->clear();
  }
}

Status AddOtlpRecord(const OtlpOrigin& origin, const OtlpRecord& record, EventWriter* writer) {
  JsonObjectWriter out = writer->Begin();
  if (!record.body.empty()) out.Add("body", record.body);
  if (!record.severity_text.empty()) out.AddText("severity", record.severity_text);
  if (record.severity_number != 0) out.AddInteger("severity_number", record.severity_number);
  if (!record.event_name.empty()) out.AddText("event_name", record.event_name);
  if (record.attributes.size() > 2) out.Add("attributes", record.attributes);
  if (origin.resource.size() > 2) out.Add("resource", origin.resource);
  if (origin.scope.size() > 2) out.Add("scope", origin.scope);
  if (!record.trace_id.empty()) out.AddText("trace_id", record.trace_id);
  if (!record.span_id.empty()) out.AddText("span_id", record.span_id);
  return writer->Finish({.stream = origin.service, .id = record.id, .time_us = record.time_us},
                        &out, 1 + std::max(origin.levels, record.levels));
}

}  // namespace carillon
