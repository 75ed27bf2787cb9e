#pragma once

#include "collector/dialects/dialect.h"

namespace carillon {

// OpenTelemetry's logs over HTTP (@opentelemetry/exporter-logs-otlp-http, -otlp-proto): POST
// /v1/logs, as application/json or application/x-protobuf.
//
// Key: Bearer, "Api-Key", or Basic. Stream: the resource's service.name. Event: see AddOtlpRecord;
// attributes and resource as plain objects, the names as they are, with their dots. Id: the
// attribute log.record.uid, which the semantic conventions keep for that. Time: timeUnixNano, else
// observedTimeUnixNano.
// Answer: in the encoding of the request; {"partialSuccess":{"rejectedLogRecords":"n",
// "errorMessage":".."}} when some were rejected; an error is a google.rpc.Status. 400: dropped by
// the exporter; 429 and 503: tried again.
const Dialect& OtlpLogs();

}  // namespace carillon
