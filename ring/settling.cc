#include "ring/settling.h"

#include <algorithm>

namespace carillon {
namespace {

bool Contains(const std::vector<std::uint16_t>& list, std::uint16_t index) {
  return std::binary_search(list.begin(), list.end(), index);
}

// By which all that is acknowledged is kept, whatever settles.
ReplicaRule KeptBy(const ClusterState& state, const std::string& bucket) {
  if (state.settling) {
    const auto before = state.settling->before.find(bucket);
    if (before != state.settling->before.end()) return before->second;
  }
  return RuleOf(state.buckets.at(bucket));
}

}  // namespace

void BeginToSettle(const std::string& bucket, const ReplicaRule& before, ClusterState* next) {
  SettlingRules settling = next->settling.value_or(SettlingRules{});
  const auto kept = settling.before.try_emplace(bucket, before).first;
  if (kept->second == RuleOf(next->buckets.at(bucket))) settling.before.erase(kept);
  settling.since = next->version;
  settling.ready.clear();
  next->settling.reset();
  if (!settling.before.empty()) next->settling = std::move(settling);
  for (PartitionHomes& partition : next->placement) partition.changed = next->version;
}

StatusOr<ClusterState> WithSettled(const ClusterState& state, const NodeId& node,
                                   StateVersion since) {
  const auto index = state.IndexOf(node);
  if (!index) return NotFound("no member {}", node);
  if (!state.settling || state.settling->since != since ||
      Contains(state.settling->ready, *index)) {
    return FailedPrecondition("rules of buckets do not wait for {} since version {}", node, since);
  }
  ClusterState next = NextVersionOf(
      state, fmt::format("{} has settled since {}", state.members[*index].name, since));
  std::vector<std::uint16_t>& ready = next.settling->ready;
  ready.insert(std::upper_bound(ready.begin(), ready.end(), *index), *index);
  return next;
}

std::vector<std::uint16_t> WaitsToSettle(const ClusterState& state) {
  if (!state.settling) return {};
  std::vector<bool> is_home(state.members.size());
  for (const PartitionHomes& partition : state.placement) {
    for (const std::uint16_t home : partition.homes) is_home[home] = true;
    for (const std::uint16_t home : partition.next) is_home[home] = true;
  }
  std::vector<std::uint16_t> waits;
  for (std::uint16_t i = 0; i < is_home.size(); ++i) {
    if (is_home[i] && !Contains(state.settling->ready, i)) waits.push_back(i);
  }
  return waits;
}

bool HaveAllSettled(const ClusterState& state) {
  return state.settling && WaitsToSettle(state).empty();
}

Status CheckSettling(const ClusterState& state) {
  if (!state.settling) return OkStatus();
  const SettlingRules& settling = *state.settling;
  if (settling.before.empty()) return InvalidArgument("rules of no bucket settle");
  if (settling.since.value() == 0 || settling.since > state.version) {
    return InvalidArgument("rules settle since version {} of {}", settling.since, state.version);
  }
  for (const auto& [name, rule] : settling.before) {
    const BucketProperties* bucket = state.FindBucket(name);
    if (bucket == nullptr) return InvalidArgument("the rule of '{}' settles, no bucket", name);
    if (rule.n_val < 1 || rule.n_val > kMaxReplicas || rule.w < 1 || rule.w > rule.n_val) {
      return InvalidArgument("bucket {} had n_val {} and w {}", name, rule.n_val, rule.w);
    }
    if (rule == RuleOf(*bucket)) return InvalidArgument("the rule of {} is as before", name);
  }
  const std::vector<std::uint16_t>& ready = settling.ready;
  if (std::adjacent_find(ready.begin(), ready.end(), std::greater_equal<>()) != ready.end() ||
      (!ready.empty() && ready.back() >= state.members.size())) {
    return InvalidArgument("those that have settled are not in order, or no members");
  }
  return OkStatus();
}

bool HasNewRules(const ClusterState& state, const ClusterState& next) {
  return std::any_of(state.buckets.begin(), state.buckets.end(), [&](const auto& bucket) {
    const BucketProperties* now = next.FindBucket(bucket.first);
    return now != nullptr && RuleOf(*now) != RuleOf(bucket.second);
  });
}

Status CheckSettlingStep(const ClusterState& state, const ClusterState& next) {
  const bool new_rules = HasNewRules(state, next);
  const bool ends = !new_rules && state.settling && !next.settling;
  if (ends && !HaveAllSettled(state)) {
    return InvalidArgument("rules of buckets cannot have settled: {} homes have not",
                           WaitsToSettle(state).size());
  }
  for (const auto& [name, bucket] : next.buckets) {
    const bool is_new = state.FindBucket(name) == nullptr;
    const ReplicaRule wanted = is_new || ends ? RuleOf(bucket) : KeptBy(state, name);
    if (KeptBy(next, name) != wanted) {
      return InvalidArgument("bucket {} is kept by n_val {} and w {}, not by what it says", name,
                             wanted.n_val, wanted.w);
    }
  }
  if (!next.settling) return OkStatus();
  if (new_rules || !state.settling) {
    if (next.settling->since == next.version && next.settling->ready.empty()) return OkStatus();
    return InvalidArgument("rules that have just changed settle since now, and nobody has");
  }
  if (next.settling->since != state.settling->since) {
    return InvalidArgument("rules settle since version {}, not {}", state.settling->since,
                           next.settling->since);
  }
  for (const std::uint16_t index : state.settling->ready) {
    const auto now = next.IndexOf(state.members[index].node);
    if (now && !Contains(next.settling->ready, *now)) {
      return InvalidArgument("{} had settled", state.members[index].name);
    }
  }
  return OkStatus();
}

}  // namespace carillon
