#include "tests/sim/cluster/checkers/replica_checker.h"

#include <algorithm>
#include <set>

#include "base/check.h"
#include "ring/hash_ring.h"

namespace carillon {
namespace {

PartitionId IdOf(std::size_t partition) {
  return PartitionId(static_cast<std::uint16_t>(partition));
}

std::vector<HourDigest> DigestsOf(const ClusterNode& node, std::size_t partition) {
  auto digests = node.machine().store->ListDigests(IdOf(partition));
  CHECK(digests.ok());
  // Homes may differ in claims for good: two voted for different owners, and none has a majority.
  std::erase_if(*digests, [](const HourDigest& one) { return IsClaimSlot(one.hour); });
  return *std::move(digests);
}

}  // namespace

const ClusterNode* ReplicaChecker::NodeOf(std::uint16_t member) const {
  for (const auto& node : *nodes_) {
    if (node->id() == state_->members[member].node) return node.get();
  }
  CHECK(false);
  return nullptr;
}

std::string ReplicaChecker::Unrest() const {
  if (state_->IsMoving()) return "partitions move";
  if (state_->settling) return "rules of buckets settle";
  for (std::size_t i = 0; i < state_->members.size(); ++i) {
    const ClusterNode* node = NodeOf(static_cast<std::uint16_t>(i));
    if (!node->is_up()) return fmt::format("node {} is down", node->number());
    if (node->node().state().version != state_->version) {
      return fmt::format("node {} is at version {}", node->number(), node->node().state().version);
    }
    const auto holds = node->machine().store->HeldPartitions();
    for (const PartitionId held : holds.value()) {
      const auto& homes = state_->placement[held.value()].homes;
      if (std::find(homes.begin(), homes.end(), i) == homes.end()) {
        return fmt::format("node {} holds partition {}, which is not its own", node->number(),
                           held);
      }
    }
  }
  for (std::size_t p = 0; p < state_->partitions(); ++p) {
    if (std::string unrest = Unrest(p); !unrest.empty()) return unrest;
  }
  return "";
}

std::string ReplicaChecker::Unrest(std::size_t partition) const {
  const auto& homes = state_->placement[partition].homes;
  const ClusterNode* first = NodeOf(homes.front());
  for (const std::uint16_t home : homes) {
    if (DigestsOf(*NodeOf(home), partition) != DigestsOf(*first, partition)) {
      return fmt::format("nodes {} and {} hold different things of partition {}", first->number(),
                         NodeOf(home)->number(), partition);
    }
  }
  return "";
}

std::map<std::pair<std::string, std::uint64_t>, Digest> ReplicaChecker::Digests() const {
  std::map<std::pair<std::string, std::uint64_t>, Digest> all;
  for (std::size_t p = 0; p < state_->partitions(); ++p) {
    for (const HourDigest& one : DigestsOf(*NodeOf(state_->placement[p].homes.front()), p)) {
      all[{one.bucket, one.hour}].Add(one.digest);
    }
  }
  return all;
}

std::vector<std::string> ReplicaChecker::Check(const ClusterHistory& history) const {
  std::vector<std::string> wrong;
  for (std::size_t p = 0; p < state_->partitions() && wrong.empty(); ++p) {
    for (const std::uint16_t home : state_->placement[p].homes) {
      CheckHome(p, *NodeOf(home), history, &wrong);
    }
  }
  return wrong;
}

void ReplicaChecker::CheckHome(std::size_t partition, const ClusterNode& node,
                               const ClusterHistory& history,
                               std::vector<std::string>* wrong) const {
  std::set<std::string> chunks;
  std::set<std::string> lines;
  for (const SyncEntry& entry : node.machine().AllOf(IdOf(partition))) {
    const std::string key = ToString(entry.info.key);
    const bool is_chunk = entry.kind == SyncEntry::Kind::kChunk;
    const auto known = history.chunks.find(key);
    if (known == history.chunks.end() || (!is_chunk && !known->second.commit_tried)) {
      wrong->push_back(
          fmt::format("I7: node {} has {}, which nobody asked for", node.number(), key));
    }
    (is_chunk ? chunks : lines).insert(key);
  }
  const auto is_here = [&](const HistoryChunk& chunk, std::string_view name) {
    return PartitionOf(HashKey(SimBucketOf(chunk.info.key), name), state_->partition_bits) ==
           IdOf(partition);
  };
  for (const auto& [key, chunk] : history.chunks) {
    if (chunk.committed && is_here(chunk, ManifestKey(chunk.info.key.epoch, chunk.info.key.dc)) &&
        !lines.contains(key)) {
      wrong->push_back(fmt::format("I4: node {}, a home, has no line of {}, which was committed",
                                   node.number(), key));
    }
    if (!chunk.acknowledged || !is_here(chunk, key)) continue;
    const auto stored = node.machine().store->ReadChunk({.partition = IdOf(partition),
                                                         .bucket = SimBucketOf(chunk.info.key),
                                                         .key = chunk.info.key});
    if (!stored.ok()) {
      wrong->push_back(
          fmt::format("I1: node {}, a home, has not got {}, which was acknowledged: {}",
                      node.number(), key, ToString(stored.status())));
    } else if (stored->value.view() != chunk.value) {
      wrong->push_back(fmt::format("I2: node {} has other bytes of {}", node.number(), key));
    }
  }
}

}  // namespace carillon
