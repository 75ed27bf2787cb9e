#pragma once

#include "collector/dialects/dialect.h"

// Treasure Data's clients. Stream: "database.table". Event: the record as it is, without keys (see
// AddTdRecord for what is filled in).
namespace carillon {

// td-js-sdk 4 and the mobile SDKs 1.x: POST /database/table, body {"events":[...]}; GET / asks for
// the global id. Key: "Authorization: TD1 KEY". Id: a mobile event's `uuid` (a browser's records
// may have a field of that name that is none). Time: the query's `time` in seconds, else the
// record's. Answer: {"created":true,"receipts":[{"success":true},...]}, one for each event in
// order; phones forget an event by its receipt, browsers look at the status only.
const Dialect& TreasureDataV4();

// td-js-sdk 3 and 2: POST /js/v3/event/database/table, body one record, key X-TD-Write-Key; or GET
// (POST without a body, of a link's click) with `data`, base64 of a record, and `api_key`, answered
// as JSONP to `callback`; GET /js/v3/enable_global_id, /js/v3/global_id. No ids.
const Dialect& TreasureDataV3();

// The mobile SDKs 0.x: POST /android/v3/event or /ios/v3/event, key X-TD-Write-Key, body
// {"database.table":[{"#UUID":..,"#SSUT":true,..}]}. Id: #UUID. Members that begin with '#' are
// not kept. Answer: {"database.table":[{"success":true},..]}.
const Dialect& TreasureDataMobile();

// POST /postback/v3/event/database/table of other services (docs.treasure.ai/apis/postback-v2):
// body one record; key X-TD-Write-Key, TD1, or the query's td_write_key. Time: td_record_time, of
// the last 7 or next 3 days. At most kMaxPostbackBytes.
const Dialect& TreasureDataPostback();
inline constexpr std::size_t kMaxPostbackBytes = 1'048'064;

}  // namespace carillon
