#pragma once

#include <string>

#include "collector/dialects/dialect.h"
#include "collector/dialects/json_document.h"

namespace carillon {

// Carillon's own: POST /v1/events with one JSON object, an array of them, or NDJSON (also objects
// behind one another). The content type does not matter: text/plain is what sendBeacon can send.
//
// The key: `Authorization: Bearer KEY`, `X-Write-Key: KEY`, Basic with the key as the user; for
// sendBeacon, which has no headers, in the body: {"write_key":"KEY","events":[...]}.
//
// Of an event: `timestamp` (a number since 1970 in s, ms, us, or ns, by its size; or RFC 3339;
// absent: now), `type` and `subtype` (texts; see EventPlace), `id` (a text of at most
// kMaxNativeIdBytes or a number, the same when the event is sent again; optional).
//
// Answers {"accepted":n,"rejected":m,"errors":[{"index":i,"error":".."}]}, at most
// kMaxNativeErrors of the errors; 400 when nothing was accepted; {"error":".."} when the request as
// a whole was refused.
const Dialect& NativeDialect();

// One event of the above: fills `fields`, whose views point into the event's document, `id_text`,
// and `line`. INVALID_ARGUMENT: what is wrong with it.
Status ReadNativeEvent(JsonValue event, std::string* id_text, std::string* line,
                       EventFields* fields);

inline constexpr std::size_t kMaxNativeIdBytes = 256;
inline constexpr std::size_t kMaxNativeErrors = 100;

}  // namespace carillon
