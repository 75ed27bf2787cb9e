#pragma once

#include "collector/dialects/dialect.h"

namespace carillon {

// PostHog's libraries (posthog-node 5.70, posthog-js 1.449). Key: the body's api_key or token, else
// the first event's, else that of its properties.
//
// POST /batch/, /e/, /i/v0/e/, /capture/: {"batch":[event,..]}, an array of events, or one event;
// as JSON whatever Content-Type says, packed with gzip (compression=gzip-js), or as a form's `data`
// (base64, or JSON). Stream: `event`. Event: as it is, without api_key and token, also in its
// properties. Id: `uuid`, else properties.$insert_id. Time: `timestamp`. Answer: {"status":1}.
const Dialect& PostHog();

// What the libraries ask for: POST /flags/ and /decide/ (no flags), GET /array/KEY/config and
// config.js (nothing switched on; events go to /e/). No events.
const Dialect& PostHogConfig();

}  // namespace carillon
