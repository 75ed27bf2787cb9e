#pragma once

#include "collector/dialects/dialect.h"

// Splunk's HTTP Event Collector (splunk-logging, splunk-bunyan-logger, winston-splunk-httplogger).
// Key: "Authorization: Splunk TOKEN", or the password of Basic. Stream: "index.sourcetype", or the
// one of them that is given. No ids.
//
// Answers: {"text":"Success","code":0}, or Splunk's codes: 401/2 no token, 403/4 a bad one, 400/5
// no data, 400/6 no JSON or an event that is none (with "invalid-event-number"; the other events of
// the request are taken), 400/12 an event without `event`, 429/9 and 503/9 busy.
namespace carillon {

// POST /services/collector, /event, /event/1.0: JSON objects one behind the other, or in an array,
// whatever Content-Type says. Event: the members of `event`, and host, source, sourcetype, index,
// fields as far as the event has no such members itself; an `event` that is no object becomes
// {"message": it}. Time: `time`, seconds as number or text. GET /services/collector/health is
// answered.
const Dialect& SplunkEvents();

// POST /services/collector/raw, /raw/1.0: one event a line, {"message": line}, with host, source,
// sourcetype, index of the query. Empty lines are none.
const Dialect& SplunkRaw();

}  // namespace carillon
