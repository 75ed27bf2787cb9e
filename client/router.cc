#include "client/router.h"

#include <algorithm>
#include <set>
#include <tuple>
#include <utility>

#include "base/check.h"
#include "ring/hash_ring.h"
#include "ring/preference_list.h"

namespace carillon {

Router::Router(std::vector<std::string> seeds) : seeds_(std::move(seeds)) {
  CHECK(!seeds_.empty());
}

bool Router::Adopt(Ring ring) {
  if (newest_) {
    if (ring->cluster != newest_->cluster) return false;
    if (std::tie(ring->generation, ring->version) <=
        std::tie(newest_->generation, newest_->version)) {
      return false;
    }
  }
  newest_ = std::move(ring);
  ring_ = newest_->members.size() > 1 ? newest_ : nullptr;
  gateways_.clear();
  std::set<std::string> known(seeds_.begin(), seeds_.end());
  for (const Member& member : newest_->members) {
    if (!ring_ || member.address.empty()) continue;
    known.insert(member.address);
    if (member.role != MemberRole::kJoining) gateways_.push_back(member.address);
  }
  health_.KeepOnly(known);
  return true;
}

PartitionId Router::PartitionFor(const Aim& aim) const {
  return PartitionOf(HashKey(aim.bucket, aim.key), ring_->partition_bits);
}

std::vector<std::string> Router::HomesOf(const Aim& aim, PartitionId partition) const {
  // A bucket that this ring does not know is of a newer one: its homes are the first of these.
  const BucketProperties* bucket = ring_->FindBucket(aim.bucket);
  const std::uint32_t n_val = bucket == nullptr ? kMaxReplicas : bucket->n_val;
  const PartitionHomes& homes = ring_->placement[partition.value()];
  const std::vector<MemberIndex> order =
      aim.kind == Aim::Kind::kWrite ? WriteSetsOf(homes, n_val).members : ReadOrderOf(homes, n_val);
  std::vector<std::string> endpoints;
  for (const MemberIndex member : order) {
    const std::string& address = ring_->members[member].address;
    if (!address.empty()) endpoints.push_back(address);
  }
  return endpoints;
}

std::vector<std::string> Router::OthersOf(PartitionId partition) const {
  std::vector<std::string> endpoints;
  for (const MemberIndex member : FallbackOrderOf(*ring_, partition, {})) {
    const Member& one = ring_->members[member];
    if (!one.address.empty() && one.role != MemberRole::kJoining) endpoints.push_back(one.address);
  }
  endpoints.insert(endpoints.end(), seeds_.begin(), seeds_.end());
  return endpoints;
}

std::string Router::FirstGood(const std::vector<std::string>& endpoints, Instant now) const {
  const auto good = std::find_if(endpoints.begin(), endpoints.end(), [&](const auto& endpoint) {
    return !health_.IsAvoided(endpoint, now);
  });
  return good == endpoints.end() ? std::string() : *good;
}

std::string Router::LastResort(const std::vector<std::string>& endpoints) const {
  return *std::min_element(endpoints.begin(), endpoints.end(), [&](const auto& a, const auto& b) {
    return health_.AvoidedUntil(a) < health_.AvoidedUntil(b);
  });
}

Target Router::FindAny(Instant now) const {
  std::vector<std::string> order = gateways_;
  if (!order.empty()) {
    const auto first = static_cast<std::ptrdiff_t>(turn_ % order.size());
    std::rotate(order.begin(), order.begin() + first, order.end());
  }
  order.insert(order.end(), seeds_.begin(), seeds_.end());
  Target target{.endpoint = FirstGood(order, now)};
  if (target.endpoint.empty()) {
    target.endpoint = LastResort(order);
    target.is_last_resort = true;
  }
  return target;
}

Target Router::FindOf(const Aim& aim, PartitionId partition, Instant now) const {
  Target target{.version = ring_->version, .partition = partition};
  target.endpoint = FirstGood(HomesOf(aim, partition), now);
  if (!target.endpoint.empty()) return target;
  const std::vector<std::string> others = OthersOf(partition);
  target.endpoint = FirstGood(others, now);
  if (!target.endpoint.empty()) return target;
  target.endpoint = LastResort(others);
  target.is_last_resort = true;
  return target;
}

Target Router::Find(const Aim& aim, Instant now) const {
  if (!ring_ || aim.kind == Aim::Kind::kAnyNode) return FindAny(now);
  return FindOf(aim, PartitionFor(aim), now);
}

Target Router::Pick(const Aim& aim, Instant now) {
  Target target = Find(aim, now);
  if (aim.kind == Aim::Kind::kAnyNode) ++turn_;
  health_.HandleAsked(target.endpoint, now);
  return target;
}

std::map<std::string, std::vector<std::size_t>> Router::Group(const std::string& bucket,
                                                              const std::vector<std::string>& keys,
                                                              Instant now) {
  std::map<std::string, std::vector<std::size_t>> groups;
  std::map<PartitionId, std::string> of_partition;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const Aim aim{.kind = Aim::Kind::kRead, .bucket = bucket, .key = keys[i]};
    std::string& endpoint = of_partition[ring_ ? PartitionFor(aim) : PartitionId()];
    if (endpoint.empty()) endpoint = Find(aim, now).endpoint;
    groups[endpoint].push_back(i);
  }
  for (const auto& [endpoint, places] : groups) health_.HandleAsked(endpoint, now);
  return groups;
}

std::string Router::NextHome(const Aim& aim, const std::vector<std::string>& except,
                             Instant now) const {
  if (!ring_) return "";
  std::vector<std::string> homes = HomesOf(aim, PartitionFor(aim));
  std::erase_if(homes, [&](const std::string& home) {
    return std::find(except.begin(), except.end(), home) != except.end();
  });
  if (homes.empty()) return "";
  const std::string good = FirstGood(homes, now);
  return good.empty() ? homes.front() : good;
}

}  // namespace carillon
