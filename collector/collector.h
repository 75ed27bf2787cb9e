#pragma once

#include <string>

#include "collector/config.h"

namespace carillon {

// What is wrong with the configuration and the tenants that it names; OK: nothing. `file`: as of
// CollectorCommand.
Status CheckCollector(const CollectorConfig& config, const std::string& file);

// Makes a write key and says, on standard output, what it is and which lines make it the tenant's.
Status CreateKey(const std::string& tenant);

// Opens, serves until SIGTERM or SIGINT, and stops in order: sockets, answers, pipeline.
Status RunCollector(const CollectorConfig& config, const std::string& file);

}  // namespace carillon
