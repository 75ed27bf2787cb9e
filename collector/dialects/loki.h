#pragma once

#include "collector/dialects/dialect.h"

namespace carillon {

// Grafana Loki's push API as JSON (pino-loki, winston-loki): POST /loki/api/v1/push with
// {"streams":[{"stream":{labels},"values":[["NANOSECONDS","line",{metadata}],..]}]}.
//
// Key: Bearer, or the password of Basic. Stream: the label job, else service_name, else app.
// Event: {"message":line,"labels":{..},"metadata":{..}}, the last only when it is there. No ids.
// Time: the value's. Answer: 204; protobuf with snappy, which other shippers push, is 415: they can
// be set to JSON.
const Dialect& LokiPush();

}  // namespace carillon
