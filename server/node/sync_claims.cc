// The claims of a pull.
#include <algorithm>
#include <tuple>

#include "ring/preference_list.h"
#include "server/node/sync_target.h"

namespace carillon {
namespace {

constexpr std::uint64_t kClaimLineBytes = 48;  // about, on the way

}  // namespace

bool SyncTarget::LeavesOut(const DigestLine& line, const Scene& scene) const {
  if (!settled_only_ || !IsClaimSlot(line.hour)) return false;
  const std::uint64_t now = scene.now_seconds();
  const std::uint64_t end = BeginOfClaimSlot(line.hour) + kClaimSlotSeconds;
  if (end + kSettledAfterSeconds > now) return true;
  const BucketProperties* bucket = scene.state->FindBucket(line.bucket);
  return bucket != nullptr && bucket->ttl_seconds != 0 && end + bucket->ttl_seconds <= now;
}

void SyncTarget::Handle(ClaimsListed done, Outbox* out) {
  if (done_) return;
  if (!done.status.ok()) return End(std::move(done.status));
  for (const StoredClaim& claim : done.page.claims) our_claims_[claim.id] = claim;
  if (!done.page.next.empty()) return AskOurs(std::move(done.page.next), out);
  ours_whole_ = true;
  FindMissing(out);
}

// Also one that is here of another owner, or known to be decided only there: the store decides.
void SyncTarget::FindMissingClaims(Outbox* out) {
  const std::uint64_t now = out->scene().now_seconds();
  for (const StoredClaim& claim : their_claims_) {
    if (claim.expire_at != 0 && claim.expire_at <= now) continue;
    const auto ours = our_claims_.find(claim.id);
    const bool agrees = ours != our_claims_.end() && ours->second.owner == claim.owner &&
                        ours->second.claimed_at <= claim.claimed_at;
    if (!agrees || (claim.decided && !ours->second.decided)) missing_claims_.push_back(claim);
  }
  const std::uint64_t bytes = (their_claims_.size() + our_claims_.size()) * kClaimLineBytes;
  their_claims_.clear();
  our_claims_.clear();
  // In sets of what was claimed together; the batches are taken from the end.
  std::sort(missing_claims_.begin(), missing_claims_.end(),
            [](const StoredClaim& a, const StoredClaim& b) {
              return std::tie(a.claimed_at, a.owner, a.expire_at, a.decided, a.id) <
                     std::tie(b.claimed_at, b.owner, b.expire_at, b.decided, b.id);
            });
  progress_.bytes += bytes;
  Rest(bytes, out);
  GoOn(out);
}

// This node votes, or does not yet: by the state as it is now. A vote that is asked for later is
// carried out later.
void SyncTarget::StoreClaimBatch(Outbox* out) {
  const Scene& scene = out->scene();
  const std::string& bucket = hours_.front().bucket;
  const BucketProperties* properties = scene.state->FindBucket(bucket);
  const BucketRules rules =
      properties == nullptr ? BucketRules{.now = {.n_val = kMaxReplicas}} : scene.RulesOf(bucket);
  const std::vector<MemberIndex> voters =
      ClaimHomesOf(scene.state->placement[partition_.value()], rules).voters.homes;
  const bool votes = std::find(voters.begin(), voters.end(), scene.self) != voters.end();
  ReplicaClaims message{.bucket = bucket,
                        .mode = votes ? ClaimMode::kPull : ClaimMode::kCopy,
                        .sync = properties == nullptr ? SyncMode::kAlways : properties->sync,
                        .sets = {}};
  for (std::size_t count = 0; count < kBatchClaims && !missing_claims_.empty(); ++count) {
    const StoredClaim claim = missing_claims_.back();
    missing_claims_.pop_back();
    ClaimSet set{.owner = claim.owner,
                 .claimed_at = claim.claimed_at,
                 .expire_at = claim.expire_at,
                 .decided = claim.decided || scene.mutations.sync_overrides_votes,
                 .claims = {}};
    const auto key = [](const ClaimSet& of) {
      return std::tie(of.owner, of.claimed_at, of.expire_at, of.decided);
    };
    if (message.sets.empty() || key(message.sets.back()) != key(set)) {
      message.sets.push_back(std::move(set));
    }
    message.sets.back().claims.push_back(
        {.id = claim.id, .ring_position = ClaimPosition(bucket, claim.id)});
    ++progress_.claims;
  }
  const std::uint64_t bytes = missing_claims_.empty() ? 0 : kBatchClaims * kClaimLineBytes;
  asked_at_ = scene.time.now;
  writes_.insert(out->Claim(scene.self, std::move(message)));
  Rest(bytes, out);
}

void SyncTarget::Handle(const ClaimsDone& done, Outbox* out) {
  HandleStored(done.operation, done.status, out);
}

}  // namespace carillon
