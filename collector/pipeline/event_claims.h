#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/claim.h"
#include "collector/pipeline/intake.h"

// What is claimed for a request: its events' ids, as hashes.
namespace carillon {

// Of one request. An event without an id has the nil id, and is not claimed.
struct EventClaims {
  std::string tenant;
  std::uint64_t seconds = 0;  // how long a claim lasts
  // Of the group that the request belongs to; set when it is written to the intake. An event's
  // claim is the group's: the same event claims for the same owner however often a crash repeats
  // it, and who else has the id is another owner. Within a group the first event of an id has it.
  ClaimOwner owner;
  std::vector<ClaimId> ids;  // one an event
};

// Null: the request claims nothing. Cost: a BLAKE2b hash an id.
std::shared_ptr<EventClaims> ClaimsOf(const IntakeRequest& request);

// 128 bits of BLAKE2b of the tenant, a NUL, and the id: nobody can make an id that stands for
// another's, nor one tenant for another.
ClaimId HashOfEventId(std::string_view tenant, std::string_view id);

// The bucket of claims that last so long, "claims-3600s".
std::string ClaimsBucket(std::uint64_t seconds);

}  // namespace carillon
