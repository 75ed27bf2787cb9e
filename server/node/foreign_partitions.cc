#include "server/node/foreign_partitions.h"

#include <iterator>
#include <utility>

namespace carillon {

void ForeignPartitions::BeginLook() {
  older_.merge(taken_);
  taken_.clear();
}

void ForeignPartitions::EndLook(const std::set<PartitionId>& held, Instant now, const Test& is_home,
                                const Test& is_whole) {
  held_ = held;
  for (const PartitionId partition : std::exchange(older_, {})) {
    if (is_home(partition)) lent_[partition] = now + kLentFor;
  }
  for (auto lent = lent_.begin(); lent != lent_.end();) {
    const bool stays = is_home(lent->first);
    if (stays && !is_whole(lent->first)) lent->second = now + kLentFor;
    lent = stays && now < lent->second ? std::next(lent) : lent_.erase(lent);
  }
}

std::vector<PartitionId> ForeignPartitions::With(const std::vector<PartitionId>& asked) const {
  if (held_.empty() && lent_.empty() && older_.empty() && taken_.empty()) return asked;
  std::set<PartitionId> all(asked.begin(), asked.end());
  for (const auto* some : {&held_, &older_, &taken_}) all.insert(some->begin(), some->end());
  for (const auto& [partition, until] : lent_) all.insert(partition);
  return {all.begin(), all.end()};
}

}  // namespace carillon
