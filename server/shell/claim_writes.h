#pragma once

#include <functional>
#include <vector>

#include "server/node/effects.h"
#include "storage/store.h"

// One effect that stores claims, as the writes that it takes: one for each set and disk.
namespace carillon {

struct ClaimWrites {
  struct One {
    WriteRequest request;
    std::vector<std::uint32_t> places;  // of its claims among all of the effect's
  };
  std::vector<One> writes;
};
// `disk_at`: Store::DiskAt.
ClaimWrites SplitClaims(ReplicaClaims claims,
                        const std::function<std::size_t(std::uint16_t)>& disk_at);

// Adds one outcome to what is said of the effect: the first error counts, and what is here instead
// is named by its place among all. `done->others` is in no order until SortOthers.
void AddOutcome(const std::vector<std::uint32_t>& places, const WriteOutcome& outcome,
                ClaimsDone* done);
void SortOthers(ClaimsDone* done);

}  // namespace carillon
