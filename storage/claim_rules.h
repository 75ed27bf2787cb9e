#pragma once

#include <cstdint>
#include <optional>

#include "base/claim.h"
#include "storage/index.h"

// What a home makes of a claim, given what it has of its id (docs/design/0008-claims.md). Pure.
namespace carillon {

struct ClaimRules {
  ClaimMode mode = ClaimMode::kVote;
  std::uint64_t now_seconds = 0;
};

// Whether an entry has expired: then its id may be claimed as if it had never been.
bool IsExpired(std::uint64_t expire_at, std::uint64_t now_seconds);

// The entry that takes the place of `before`; nullopt: what there is stays. Segment and sequence
// are not filled in. `lost`: the record of `before` is gone, it must be written again.
std::optional<ClaimEntry> NextClaim(const std::optional<ClaimEntry>& before, bool lost,
                                    const ClaimSet& set, const ClaimRules& rules);

}  // namespace carillon
