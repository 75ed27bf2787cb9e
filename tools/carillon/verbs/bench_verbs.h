#pragma once

#include "tools/carillon/command.h"
#include "tools/carillon/session.h"

namespace carillon {

// `carillon bench put|second|get|range|tail|mixed|report`: loads on a cluster, and their page.
void AddBenchWorkloads(Command* bench, Session* session);

}  // namespace carillon
