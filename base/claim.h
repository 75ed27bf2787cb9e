#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"

// Who may keep an event that may have come more than once: the first to claim its id
// (docs/design/0008-claims.md).
namespace carillon {

// What is claimed: a hash of a tenant and the id that its client gave an event.
using ClaimId = Id<struct ClaimIdTag, Uuid>;
// Who claims: one batch of one writer, random, the same however often the batch is claimed. Not
// nil.
using ClaimOwner = Id<struct ClaimOwnerTag, Uuid>;

// Of one id, for the owner that asked.
enum class ClaimVerdict : std::uint8_t {
  kUndecided = 0,  // nobody can say now: ask again, or go on unchecked
  kMine = 1,       // the owner has it, until it expires
  kTaken = 2,      // one other owner has it, until it expires
};
std::string_view ToString(ClaimVerdict verdict);

inline constexpr std::size_t kClaimIdBytes = 16;
inline constexpr std::size_t kMaxClaims = 10'000;  // ids of one request

// One request: all ids for one owner. An id that is named twice gets the same verdict twice.
struct ClaimOrder {
  std::string bucket;  // its ttl is the lifetime of the claims
  ClaimOwner owner;
  std::vector<ClaimId> ids;  // 1 to kMaxClaims
};

// INVALID_ARGUMENT: a bad bucket name, a nil owner, no ids, or too many.
Status Validate(const ClaimOrder& order);

// Ids as they travel and are stored: kClaimIdBytes each, one after another.
Bytes EncodeClaimIds(const std::vector<ClaimId>& ids);
// INVALID_ARGUMENT: not a multiple of kClaimIdBytes, or more than kMaxClaims.
StatusOr<std::vector<ClaimId>> DecodeClaimIds(ByteSpan bytes);

}  // namespace carillon
