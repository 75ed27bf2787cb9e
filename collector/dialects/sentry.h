#pragma once

#include "collector/dialects/dialect.h"

namespace carillon {

// Sentry's SDKs (@sentry/node 11.12): POST /api/PROJECT/envelope/ (develop.sentry.dev, "Envelopes":
// a header line, then items of a header line and a payload), and the older /api/PROJECT/store/
// with one event.
//
// Key: the query's sentry_key, else that of X-Sentry-Auth, else the user of the envelope's dsn.
// Stream: "PROJECT.TYPE", the item's type: event, transaction, session, log, .. Event: the item's
// payload as it is; each of its `items`, when it is a container of logs or spans. Payloads that are
// no JSON objects (attachments, recordings) and client_report are passed over. Id: event_id of
// events and transactions. Time: `timestamp`, a text or seconds. Answer: {"id":"EVENT_ID"}.
const Dialect& Sentry();

}  // namespace carillon
