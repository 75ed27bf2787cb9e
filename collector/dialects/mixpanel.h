#pragma once

#include "collector/dialects/dialect.h"

namespace carillon {

// Mixpanel (mixpanel 0.24, mixpanel-browser 2.83): /track by GET with `data`, by POST with a form's
// `data` or a body of JSON; POST /import likewise; `data` is JSON, or base64 of it: one event or an
// array of {"event":..,"properties":{..}}. /engage and /groups, which change profiles, are answered
// and carry no events.
//
// Key: the user of Basic, else the query's api_key, else the first event's properties.token.
// Stream: `event`. Event: as it is, without keys and properties.token. Id: properties.$insert_id.
// Time: properties.time, seconds, or milliseconds from 10^11 on. Answer: "1", or with verbose=1
// {"status":1,"error":null}; to /import as JSON
// {"code":200,"status":"OK","num_records_imported":n}. Not taken: "0", or the same with the error.
const Dialect& Mixpanel();

}  // namespace carillon
