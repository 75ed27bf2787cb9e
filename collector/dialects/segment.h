#pragma once

#include "collector/dialects/dialect.h"

namespace carillon {

// Segment's and RudderStack's libraries (@segment/analytics-node, @rudderstack/rudder-sdk-node):
// POST /v1/batch with {"batch":[message,..],"sentAt":..}, or one message to /v1/track,
// /v1/identify, /v1/page, /v1/screen, /v1/group, /v1/alias and the browser's /v1/t, /v1/i, /v1/p,
// /v1/s, /v1/g, /v1/a. The body is JSON whatever its Content-Type says (RudderStack says it is a
// form).
//
// Key: the user of "Authorization: Basic", else the body's writeKey. Stream: the message's `type`,
// else what the path says. Event: the message as it is, without keys. Id: messageId. Time:
// timestamp, else originalTimestamp. Answer: {"success":true}; 4xx, and the library gives up; 429
// and 5xx, and it tries again with the same ids.
const Dialect& Segment();

}  // namespace carillon
