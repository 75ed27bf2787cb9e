#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/status.h"

// Times on the command line.
namespace carillon {

// "1428415043", "2015-04-07T13:57:23Z", "now", "-90s", "-5m", "-2h", "-1d".
// INVALID_ARGUMENT: anything else, or before 1970.
StatusOr<Epoch> ParseTimeArgument(std::string_view text, Epoch now);

// From `from` (empty: five minutes ago) up to before `to` (empty: now is in it).
// INVALID_ARGUMENT: one of them is no time, or the range is empty.
StatusOr<EpochRange> ParseRangeArguments(std::string_view from, std::string_view to, Epoch now);

// A value such as -5m looks like an option: joins it to the long option before it ("--from", "-5m"
// become "--from=-5m"). Nothing behind "--" is touched.
std::vector<std::string> JoinDashedValues(const std::vector<std::string>& arguments);

// Seconds: "0.5", "30", "5m". INVALID_ARGUMENT: anything else, zero, more than a year.
StatusOr<double> ParseSecondsArgument(std::string_view option, std::string_view text);

}  // namespace carillon
