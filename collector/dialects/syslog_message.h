#pragma once

#include <string_view>

#include "collector/dialects/event_batch.h"
#include "collector/dialects/event_writer.h"

namespace carillon {

inline constexpr std::size_t kMaxSyslogBytes = std::size_t{256} << 10;
inline constexpr std::size_t kMaxStructuredElements = 64;

// Adds one syslog message as an event: RFC 5424; else RFC 3164 as it is found, with a time of RFC
// 3339 or "Oct 11 22:14:15", with or without host and tag; else {"message": all of it}.
//
// Event: {"facility":"local0","severity":"info","hostname":..,"app_name":..,"proc_id":..,
// "msg_id":..,"structured_data":{"id":{"name":"value"}},"message":..}, each as far as it is there.
// Stream: app_name, the tag. No id. Time: the message's; "Oct 11 22:14:15" has no year and no zone,
// so it is kept as "timestamp", and the event is of when it came.
Status AddSyslogMessage(std::string_view message, EventWriter* writer);

}  // namespace carillon
