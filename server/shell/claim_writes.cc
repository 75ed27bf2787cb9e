#include "server/shell/claim_writes.h"

#include <algorithm>
#include <map>
#include <utility>

namespace carillon {

ClaimWrites SplitClaims(ReplicaClaims claims,
                        const std::function<std::size_t(std::uint16_t)>& disk_at) {
  ClaimWrites split;
  std::uint32_t place = 0;
  for (ClaimSet& set : claims.sets) {
    std::map<std::size_t, ClaimWrites::One> of_disk;
    const std::vector<PlacedClaim> placed = std::exchange(set.claims, {});
    for (const PlacedClaim& claim : placed) {
      ClaimWrites::One& one = of_disk[disk_at(claim.ring_position)];
      if (one.places.empty()) {
        one.request.claims = ClaimsWrite{
            .bucket = claims.bucket, .mode = claims.mode, .set = set, .sync = claims.sync};
        one.request.claims->set.claims.reserve(placed.size());
        one.places.reserve(placed.size());
      }
      one.request.claims->set.claims.push_back(claim);
      one.places.push_back(place++);
    }
    for (auto& [disk, one] : of_disk) split.writes.push_back(std::move(one));
  }
  return split;
}

void AddOutcome(const std::vector<std::uint32_t>& places, const WriteOutcome& outcome,
                ClaimsDone* done) {
  if (done->status.ok()) done->status = outcome.status;
  for (OtherClaim other : outcome.others) {
    other.place = places[other.place];
    done->others.push_back(other);
  }
}

void SortOthers(ClaimsDone* done) {
  std::sort(done->others.begin(), done->others.end(),
            [](const OtherClaim& a, const OtherClaim& b) { return a.place < b.place; });
}

}  // namespace carillon
