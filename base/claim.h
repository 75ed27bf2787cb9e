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

// An id and where it lies on the ring: the top 16 bits of HashOfKey(bucket, the id's bytes).
struct PlacedClaim {
  ClaimId id;
  std::uint16_t ring_position = 0;
  friend bool operator==(const PlacedClaim&, const PlacedClaim&) = default;
};
std::uint16_t ClaimPosition(std::string_view bucket, const ClaimId& id);

// Claims of one owner, made at one time, of which the same is known.
struct ClaimSet {
  ClaimOwner owner;
  std::uint64_t claimed_at = 0;  // seconds since 1970
  std::uint64_t expire_at = 0;   // likewise; 0: never
  bool decided = false;          // a majority voted so: it replaces what is not
  std::vector<PlacedClaim> claims;
  friend bool operator==(const ClaimSet&, const ClaimSet&) = default;
};

// Why a home is to store claims: what becomes of one whose id it has of another owner, when neither
// is known to be decided.
enum class ClaimMode : std::uint8_t {
  kVote,  // an owner asks: what is here stays, and is the answer
  kPull,  // a home that votes hears of what it missed: what is here stays
  kCopy,  // a new home pulls before it votes: the id becomes contested
};

// What a home has of an id instead of what it was asked to store.
struct OtherClaim {
  std::uint32_t place = 0;  // among the claims it was asked to store
  ClaimOwner owner;         // nil: none, or contested: it votes for nobody
  std::uint64_t claimed_at = 0;
  std::uint64_t expire_at = 0;
  friend bool operator==(const OtherClaim&, const OtherClaim&) = default;
};

// One claim as a home has it.
struct StoredClaim {
  ClaimId id;
  ClaimOwner owner;
  std::uint64_t claimed_at = 0;
  std::uint64_t expire_at = 0;
  bool decided = false;  // known to have the votes of a majority
  friend bool operator==(const StoredClaim&, const StoredClaim&) = default;
};

// Digests count claims by slots of five minutes, where they count chunks by hours: there are many
// more of them. The numbers of slots lie above those of all hours.
inline constexpr std::uint64_t kFirstClaimSlot = 100'000'000;
inline constexpr std::uint64_t kClaimSlotSeconds = 300;
constexpr std::uint64_t ClaimSlotOf(std::uint64_t claimed_at) {
  return kFirstClaimSlot + claimed_at / kClaimSlotSeconds;
}
constexpr bool IsClaimSlot(std::uint64_t hour) {
  return hour >= kFirstClaimSlot;
}
// Requires: IsClaimSlot(slot).
constexpr std::uint64_t BeginOfClaimSlot(std::uint64_t slot) {
  return (slot - kFirstClaimSlot) * kClaimSlotSeconds;
}

// Ids as they travel and are stored: kClaimIdBytes each, one after another.
Bytes EncodeClaimIds(const std::vector<ClaimId>& ids);
// INVALID_ARGUMENT: not a multiple of kClaimIdBytes, or more than kMaxClaims.
StatusOr<std::vector<ClaimId>> DecodeClaimIds(ByteSpan bytes);

}  // namespace carillon
