#pragma once

#include <string>
#include <string_view>

#include "tools/carillon/bench/load_loop.h"
#include "tools/carillon/bench/load_spec.h"

namespace carillon {

// What the driver of a benchmark tells a process that makes a part of the load.
struct LoadOrder {
  LoadSpec spec;
  std::uint64_t at_once = 1;
  double seconds = 10;
  double per_second = 0;
  double patience_seconds = 0;      // LoadPace::patience
  std::uint64_t begin_unix_ms = 0;  // all begin at once
  std::string endpoint;
  std::string journal;  // numbers of operations that succeeded go into this file; empty: nowhere
};

// One argument of a command line: `name=value` with blanks between, and back; what is not named is
// as above. INVALID_ARGUMENT says which is wrong, or not known. Requires: no blank in a text.
std::string EncodeLoadOrder(const LoadOrder& order);
StatusOr<LoadOrder> DecodeLoadOrder(const std::string& text);

}  // namespace carillon
