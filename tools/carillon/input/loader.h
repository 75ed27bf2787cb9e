#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>

#include "base/status.h"
#include "tools/carillon/input/input_reader.h"

namespace carillon {

// Which events the store would take, and how they move in time.
struct LoadRules {
  Epoch oldest;                    // events before are rejected
  Epoch newest{kMaxEpoch};         // events behind are rejected
  std::int64_t shift_seconds = 0;  // added to every event's second, before that is looked at
  std::size_t max_chunk_bytes = 512'000;
  bool strict = false;  // the first rejected event ends the load
};

struct LoadCounts {
  std::uint64_t events = 0;  // handed on
  std::uint64_t bytes = 0;   // of them
  std::uint64_t bad = 0;
};

// Where a load's events, rejects, and progress go.
struct LoadSinks {
  // Not OK ends the load.
  std::function<Status(const EventPlace&, std::string_view text)> event;
  std::function<Status(const InputEvent&, const Status& why)> reject;
  std::function<void(const LoadCounts&, std::uint64_t position)> progress;  // now and then
};

// Carries all events of an input to the sinks; adds to `counts`. Cost: that of parsing.
// INVALID_ARGUMENT with strict: the first bad event, with its line. Other errors are the source's
// or the sinks'.
Status Load(InputReader* input, const LoadRules& rules, const LoadSinks& sinks, LoadCounts* counts);

// The second of the newest good event; nullopt: there is none. Errors are the source's.
StatusOr<std::optional<Epoch>> FindNewest(InputReader* input);

}  // namespace carillon
