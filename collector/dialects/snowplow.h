#pragma once

#include "collector/dialects/dialect.h"

namespace carillon {

// Snowplow's trackers (@snowplow/node-tracker 4.8, browser-tracker 4.10): POST
// /com.snowplowanalytics.snowplow/tp2 with {"schema":..,"data":[{e,eid,dtm,..}]}; GET /i with the
// same names in its query.
//
// Key: Bearer, or the password of Basic (the trackers' customHeaders); else the first event's
// `aid`, which is then in no event. Stream: `e`, the kind: pv, pp, ue, se, .. Event: the payload's
// members as they are, all texts. Id: `eid`. Time: `dtm`, milliseconds. Answer: "ok"; to GET, a GIF
// of one pixel.
const Dialect& Snowplow();

}  // namespace carillon
