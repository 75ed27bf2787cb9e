#pragma once

#include <string>
#include <string_view>

#include "base/status.h"

namespace carillon {

// Appends to `json` the event that a line of a common or combined access log
// (host ident user [time] "request" status bytes ["referer" "agent"]) stands for:
//
//   {"host":..,"ident":..,"user":..,"time":..,"method":..,"path":..,"protocol":..,
//    "status":200,"bytes":1234,"referer":..,"agent":..}
//
// A request that is not METHOD PATH HTTP/x stays whole, as "request"; "-" for status or bytes is
// null; what follows bytes and is not two quoted texts is kept, as "rest". Escapes inside quotes
// (\", \xHH) are kept as they are in the file. Nothing of the line is lost: it can be put together
// again from the fields.
//
// INVALID_ARGUMENT: the line does not have these parts. `json` is unchanged then.
Status AppendAccessLogEvent(std::string_view line, std::string* json);

}  // namespace carillon
