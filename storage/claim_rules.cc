#include "storage/claim_rules.h"

namespace carillon {

bool IsExpired(std::uint64_t expire_at, std::uint64_t now_seconds) {
  return expire_at != 0 && expire_at <= now_seconds;
}

namespace {

// Owner, times, and what is known of them; where it is written follows.
ClaimEntry Fresh(const ClaimSet& set) {
  return {.owner = set.owner,
          .claimed_at = set.claimed_at,
          .expire_at = set.expire_at,
          .decided = set.decided,
          .segment = {},
          .sequence = 0};
}

ClaimEntry Again(ClaimEntry before) {
  before.segment = {};
  before.sequence = 0;
  return before;
}

// Homes that know one owner's claim from two times agree on the earlier one.
std::optional<ClaimEntry> OfOneOwner(const ClaimEntry& before, bool lost, const ClaimSet& set,
                                     const ClaimRules& rules) {
  const bool earlier = rules.mode != ClaimMode::kVote && set.claimed_at < before.claimed_at;
  const bool news = set.decided && !before.decided;
  if (!earlier && !news && !lost) return std::nullopt;
  ClaimEntry entry = earlier ? Fresh(set) : Again(before);
  entry.decided = before.decided || set.decided;
  return entry;
}

}  // namespace

std::optional<ClaimEntry> NextClaim(const std::optional<ClaimEntry>& before, bool lost,
                                    const ClaimSet& set, const ClaimRules& rules) {
  if (IsExpired(set.expire_at, rules.now_seconds)) return {};
  // Contested elsewhere: so it is for who copies, and for who votes it means nothing.
  if (set.owner.value().IsNil() && rules.mode != ClaimMode::kCopy) return {};
  if (!before || IsExpired(before->expire_at, rules.now_seconds)) return Fresh(set);
  if (before->owner == set.owner) return OfOneOwner(*before, lost, set, rules);
  const std::optional<ClaimEntry> stays = lost ? std::optional(Again(*before)) : std::nullopt;
  if (before->decided) return stays;
  if (set.decided) {
    // Of a lifetime that was over when `before` was claimed: late, and no longer true.
    const bool late = IsExpired(set.expire_at, before->claimed_at);
    return late ? stays : std::optional(Fresh(set));
  }
  if (rules.mode != ClaimMode::kCopy || before->owner.value().IsNil()) return stays;
  ClaimEntry contested = Again(*before);
  contested.owner = ClaimOwner();
  return contested;
}

}  // namespace carillon
