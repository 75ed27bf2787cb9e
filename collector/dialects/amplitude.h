#pragma once

#include "collector/dialects/dialect.h"

namespace carillon {

// Amplitude's HTTP API V2 (@amplitude/analytics-node 1.5): POST /2/httpapi or /batch with
// {"api_key":..,"events":[..],"options":{..}}.
//
// Key: the body's api_key. Stream: event_type. Event: as it is, without keys. Id: insert_id. Time:
// `time`, milliseconds. Answer: {"code":200,"events_ingested":n,"payload_size_bytes":n,
// "server_upload_time":ms}; {"code":..,"error":..} else.
const Dialect& Amplitude();

}  // namespace carillon
