#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/status.h"
#include "collector/dialects/dialect.h"
#include "collector/dialects/event_writer.h"

// What Treasure Data's dialects have in common.
namespace carillon {

// Where a record goes, by the last two parts of a path.
struct TdTable {
  std::string_view database;
  std::string_view table;

  std::string Stream() const { return fmt::format("{}.{}", database, table); }
};
// Of "/database/table" after `prefix`; views of `path`. INVALID_ARGUMENT: not two names of
// [a-z0-9_]{3,255}; says which.
StatusOr<TdTable> TdTableOf(std::string_view path, std::string_view prefix);

// X-TD-Write-Key, "Authorization: TD1 KEY", or the query's `parameter`. Empty: none.
std::string TdKeyOf(const EdgeRequest& request, std::string_view parameter);

// The browser's name across sites: the cookie _td_global; without that, one made of the request.
std::string TdGlobalIdOf(const EdgeRequest& request);
// Adds the Set-Cookie of TdGlobalIdOf, when the browser has none yet.
void SetTdGlobalId(const EdgeRequest& request, EdgeAnswer* answer);

// Adds one record: keys out; td_global_id that says "td_global_id" becomes TdGlobalIdOf; td_ip that
// says "td_ip" goes (the address is the collector's to add). Time: `where.time_us`, else the
// record's `time` in seconds.
Status AddTdRecord(const EdgeRequest& request, const EventFields& where, JsonValue record,
                   EventWriter* writer);

}  // namespace carillon
