#pragma once

#include "collector/dialects/dialect.h"

namespace carillon {

// Elasticsearch's bulk API (@elastic/elasticsearch, Logstash, Beats, rsyslog's omelasticsearch):
// POST or PUT /_bulk, /INDEX/_bulk; NDJSON of an action line and, for index and create, a document.
// GET and HEAD / of an Elastic client are answered as by a server of version 8: its product check.
//
// Key: "Authorization: ApiKey KEY" (also as base64 of "id:KEY"), Bearer, or the password of Basic.
// Stream: `_index`, else that of the path. Event: the document as it is. Id: `_id`. Time:
// `@timestamp`, a text or milliseconds.
// Answer: {"took":0,"errors":..,"items":[{"create":{"_index":..,"_id":..,"status":201}},..]} with
// X-Elastic-Product; one item an action, in order. update and delete are answered by item as
// unsupported: events are never changed.
const Dialect& Elasticsearch();

}  // namespace carillon
