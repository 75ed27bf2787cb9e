#pragma once

#include "collector/dialects/dialect.h"

namespace carillon {

// collectd's write_http plugin with Format "JSON": POST /collectd, an array of value lists.
//
// Key: Bearer, or the password of Basic. Stream: `plugin`. Event: the value list as it is. No ids.
// Time: `time`, seconds. Answer: 204.
const Dialect& Collectd();

}  // namespace carillon
