#pragma once

#include <memory>

#include "client/client.h"
#include "tools/carillon/bench/ring_loads.h"

namespace carillon {

// Each operation of `writer` writes and commits a second of its own; it is over when `reader`,
// which asks for new seconds every few milliseconds, has read its chunks. Its latency counts from
// the commit's acknowledgement.
std::unique_ptr<RingLoad> NewTailLoad(LoadSpec spec, Client* writer, Client* reader);

}  // namespace carillon
