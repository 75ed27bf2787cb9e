#include "server/node/foreign_partitions.h"

#include <utility>

namespace carillon {

void ForeignPartitions::BeginLook() {
  older_.merge(taken_);
  taken_.clear();
}

void ForeignPartitions::EndLook(const std::set<PartitionId>& held) {
  held_ = held;
  older_.clear();
}

std::vector<PartitionId> ForeignPartitions::With(const std::vector<PartitionId>& asked) const {
  if (held_.empty() && older_.empty() && taken_.empty()) return asked;
  std::set<PartitionId> all(asked.begin(), asked.end());
  for (const auto* some : {&held_, &older_, &taken_}) all.insert(some->begin(), some->end());
  return {all.begin(), all.end()};
}

}  // namespace carillon
