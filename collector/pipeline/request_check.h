#pragma once

#include "base/status.h"
#include "collector/pipeline/intake.h"

namespace carillon {

inline constexpr std::size_t kMaxRequestEvents = 100'000;

// Whether each event of the request can be in a chunk of at most `max_chunk_bytes`: what is taken
// once must never fail later.
//
// INVALID_ARGUMENT: no event, more than kMaxRequestEvents, or names the event's place and what is
// wrong with it. Pure. Cost: a scan of each event; names are looked at when they change.
Status CheckRequest(const IntakeRequest& request, std::size_t max_chunk_bytes);

}  // namespace carillon
