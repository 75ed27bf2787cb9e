#pragma once

#include <cstdint>
#include <string>

#include "base/ids.h"

namespace carillon {

enum class Workload : std::uint8_t {
  kPut,     // chunks of one size, each to a key of its own
  kSecond,  // a logger's second: `chunks` chunks in parallel, then the commit
  kGet,     // chunks read at random
  kRange,   // a dashboard: `range_seconds` seconds of `chunks` chunks, in order
  kTail,    // seconds are committed at a rate; how long until another client has read them
};

struct LoadSpec {
  Workload workload = Workload::kPut;
  std::string bucket;
  std::size_t value_bytes = 100'000;
  std::uint64_t chunks = 200;        // of a second
  std::uint64_t range_seconds = 60;  // of a range
  std::uint64_t keys = 1'000;        // that kGet chooses from
  std::uint64_t process = 0;         // of those at work; each writes keys of its own
  std::uint64_t run = 0;             // tells the keys of runs apart
  Epoch now;                         // keys' seconds are at and before it
};

}  // namespace carillon
