#include "tests/sim/cluster/fence_script.h"

#include <algorithm>
#include <numeric>

#include "base/check.h"
#include "ring/staging.h"
#include "tests/sim/cluster/cluster_history.h"

namespace carillon {
namespace {

constexpr std::uint64_t kRoundTime = 5 * kSecond;  // a move, and what is handed off after it
// A change is chosen, pulled, and verified within about 150 ms; after 300 ms (ReplicaWrites) a
// coordinator would ask a fallback.
constexpr std::uint64_t kNewsHeld = 450 * kMillisecond;
constexpr std::uint64_t kWriteLeast = 110 * kMillisecond;
constexpr std::uint64_t kWriteMost = 280 * kMillisecond;
constexpr std::uint64_t kPutLeast = 90 * kMillisecond;
constexpr std::uint64_t kPutMost = 400 * kMillisecond;
constexpr std::uint64_t kAlmostAtOnce = 12 * kMillisecond;

}  // namespace

void FenceScript::Start() {
  if (shared_->settings.fence_script) ScheduleNext();
}

void FenceScript::ScheduleNext() {
  shared_->events.After(shared_->random.Below(kSecond), [this] {
    if (stopped_) return;
    DoRound();
    shared_->events.After(kRoundTime, [this] { ScheduleNext(); });
  });
}

ClusterNode* FenceScript::NodeOf(const ClusterState& state, std::size_t member) const {
  const auto found = std::find_if(nodes_->begin(), nodes_->end(), [&](const auto& node) {
    return node->id() == state.members[member].node;
  });
  CHECK(found != nodes_->end());
  return found->get();
}

void FenceScript::DoRound() {
  const ClusterState& state = *shared_->ring.newest();
  if (state.IsMoving()) return;
  const bool is_of_two = shared_->random.OneIn(3);
  const Round round = Choose(state, is_of_two ? 2 : 1);
  const std::string bucket = is_of_two ? kSimBucketOfTwo : kSimBucketOfOne;
  const bool is_slow_disk = shared_->random.OneIn(2);
  shared_->Tell("script: {} of partition {} go, {}, node {} puts into {}", round.old.size(),
                round.partition, is_slow_disk ? "slow disk" : "late home",
                round.coordinator->number(), bucket);
  is_slow_disk ? WithSlowDisk(round, bucket) : WithLateHome(round, bucket);
}

// The first voter takes partitions on: it must hear of everything in time, and so must a majority.
FenceScript::Round FenceScript::Choose(const ClusterState& state, std::size_t replaced) {
  const std::size_t driver = *state.IndexOf(VotersOf(state).front());
  const auto goes = [&](const PartitionHomes& partition) {
    const auto end = partition.homes.begin() + static_cast<std::ptrdiff_t>(replaced);
    return std::find(partition.homes.begin(), end, driver) == end;
  };
  Round round;
  do {
    round.partition =
        PartitionId(static_cast<std::uint16_t>(shared_->random.Below(state.placement.size())));
  } while (!goes(state.placement[round.partition.value()]));
  round.target = state.placement[round.partition.value()].homes;
  std::vector<std::uint16_t> others(state.members.size());
  std::iota(others.begin(), others.end(), std::uint16_t{0});
  std::erase_if(others, [&](std::uint16_t member) {
    return std::find(round.target.begin(), round.target.end(), member) != round.target.end();
  });
  for (std::size_t i = others.size() - 1; i > 0; --i) {
    std::swap(others[i], others[shared_->random.Below(i + 1)]);
  }
  const auto coordinator = std::find_if(others.begin(), others.end(),
                                        [&](std::uint16_t member) { return member != driver; });
  round.coordinator = NodeOf(state, *coordinator);
  others.erase(coordinator);
  for (std::size_t i = 0; i < replaced; ++i) {
    round.old.push_back(NodeOf(state, round.target[i]));
    round.target[i] = others[i];
  }
  round.admin = NodeOf(state, driver);
  return round;
}

void FenceScript::Move(const Round& round) {
  const RequestId request = round.admin->NewRequest();
  const auto change = [round](const ClusterState& state) -> StatusOr<ClusterState> {
    ClusterState next = NextVersionOf(state, "moved by the script");
    next.placement[round.partition.value()].target = round.target;
    return next;
  };
  round.admin->Ask(request, RingChangeInput{.request = request, .expected = {}, .change = change},
                   [](const Answer&) {});
}

void FenceScript::WithSlowDisk(const Round& round, const std::string& bucket) {
  const std::uint64_t now = shared_->events.now();
  shared_->network.HoldNews(round.coordinator->number(), now + kNewsHeld);
  const std::uint64_t takes = kWriteLeast + shared_->random.Below(kWriteMost - kWriteLeast);
  for (ClusterNode* home : round.old) {
    home->SlowDownNextWrite(takes + shared_->random.Below(kAlmostAtOnce));
  }
  workload_->PutInto(round.partition, bucket, round.coordinator);
  shared_->events.After(shared_->random.Below(kAlmostAtOnce), [this, round] { Move(round); });
}

void FenceScript::WithLateHome(const Round& round, const std::string& bucket) {
  const std::uint64_t until = shared_->events.now() + kNewsHeld;
  shared_->network.HoldNews(round.coordinator->number(), until);
  for (const ClusterNode* home : round.old) shared_->network.HoldNews(home->number(), until);
  Move(round);
  shared_->events.After(
      kPutLeast + shared_->random.Below(kPutMost - kPutLeast),
      [this, round, bucket] { workload_->PutInto(round.partition, bucket, round.coordinator); });
}

}  // namespace carillon
