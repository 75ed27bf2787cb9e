#include "tests/sim/cluster/cluster_faults.h"

namespace carillon {

ClusterFaults::ClusterFaults(ClusterShared* shared, const Nodes* nodes,
                             std::function<void(ClusterNode*)> lose)
    : shared_(shared), nodes_(nodes), lose_(std::move(lose)) {
  const ClusterSettings& settings = shared->settings;
  Random& random = shared->random;
  const auto add = [&](bool allowed, std::initializer_list<Kind> kinds) {
    if (!allowed) return;
    for (const Kind kind : kinds) {
      if (random.OneIn(2)) kinds_.push_back(kind);
    }
  };
  add(settings.crashes, {Kind::kCrash, Kind::kCrash, Kind::kCrashAll});
  add(settings.pauses, {Kind::kPause});
  add(settings.cuts, {Kind::kSplit, Kind::kIsolate, Kind::kOneWay, Kind::kGray});
  add(settings.clock_jumps, {Kind::kClock});
  add(settings.slow_disks, {Kind::kSlowDisks});
  add(settings.wipes, {Kind::kWipe});
  if (settings.cuts) kinds_.push_back(Kind::kHeal);
  if (kinds_.empty()) kinds_.push_back(Kind::kCrash);
  every_ = settings.fault_every_ms * kMillisecond;
}

void ClusterFaults::Start() {
  if (every_ != 0) ScheduleNext();
}

void ClusterFaults::ScheduleNext() {
  if (shared_->settings.one_away) {
    return shared_->events.After(2 * kSecond, [this] { SendOneAway(); });
  }
  if (shared_->settings.two_away != ClusterSettings::TwoAway::kNever) return SendTwoAway();
  shared_->events.After(every_ / 3 + shared_->random.Below(every_ * 4 / 3), [this] {
    if (!shared_->storm) return;
    DoSomething();
    ScheduleNext();
  });
}

ClusterNode* ClusterFaults::AnyNode() {
  return (*nodes_)[shared_->random.Below(nodes_->size())].get();
}

void ClusterFaults::DoSomething() {
  Do(kinds_[shared_->random.Below(kinds_.size())]);
}

void ClusterFaults::Do(Kind kind) {
  Random& random = shared_->random;
  ClusterNetwork& network = shared_->network;
  switch (kind) {
    case Kind::kCrash:
      return CrashFor(AnyNode(), random.Below(random.OneIn(3) ? 8 * kSecond : kSecond));
    case Kind::kCrashAll:
      for (const auto& node : *nodes_) CrashFor(node.get(), random.Below(2 * kSecond));
      return;
    case Kind::kPause: {
      ClusterNode* node = AnyNode();
      if (node->is_up()) node->PauseUntil(shared_->events.now() + random.Below(7 * kSecond));
      return;
    }
    case Kind::kSplit:
      network.Split();
      return HealAfter(random.Below(8 * kSecond));
    case Kind::kIsolate:
      network.Isolate(AnyNode()->number());
      return HealAfter(random.Below(8 * kSecond));
    case Kind::kOneWay:
      network.CutOneWay(AnyNode()->number());
      return HealAfter(random.Below(8 * kSecond));
    case Kind::kGray:
      network.DropLarge(AnyNode()->number());
      return HealAfter(random.Below(8 * kSecond));
    case Kind::kHeal:
      return network.Heal();
    case Kind::kClock:
      AnyNode()->machine()->clock.offset =
          std::chrono::seconds(random.Below(120)) - std::chrono::seconds(60);
      return;
    case Kind::kSlowDisks:
      shared_->slow_disks = !shared_->slow_disks;
      return;
    case Kind::kWipe:
      return Wipe();
  }
}

// One node is gone for a while, and comes back; then all have time to find each other.
void ClusterFaults::SendOneAway() {
  if (!shared_->storm) return;
  Random& random = shared_->random;
  const std::uint64_t time = kSecond + random.Below(6 * kSecond);
  ClusterNode* node = AnyNode();
  shared_->Tell("node {} is away for {} ms", node->number(), time / kMillisecond);
  switch (random.Below(3)) {
    case 0:
      CrashFor(node, time);
      break;
    case 1:
      if (node->is_up()) node->PauseUntil(shared_->events.now() + time);
      break;
    default:
      shared_->network.Isolate(node->number());
      HealAfter(time);
  }
  shared_->events.After(time + 4 * kSecond, [this] { SendOneAway(); });
}

// Two nodes hear nothing of a third, who writes to others in their place, and those hand over what
// they took; or they hear nothing of anybody.
void ClusterFaults::SendTwoAway() {
  if (!shared_->storm) return;
  ClusterNetwork& network = shared_->network;
  const bool from_all = shared_->settings.two_away == ClusterSettings::TwoAway::kFromAll;
  const std::size_t first = shared_->random.Below(nodes_->size());
  const auto other = [&](std::size_t by) { return (first + by) % nodes_->size(); };
  shared_->Tell("nodes {} and {} are cut off from {}", other(1), other(2),
                from_all ? "all" : fmt::format("node {}", first));
  for (const std::size_t away : {other(1), other(2)}) {
    from_all ? network.CutOff(away) : network.CutBetween(away, first);
  }
  shared_->events.After((from_all ? 15 : 47) * kSecond, [this] {
    shared_->network.Heal();
    shared_->events.After(kSecond, [this] { SendTwoAway(); });
  });
}

void ClusterFaults::CrashFor(ClusterNode* node, std::uint64_t time) {
  if (!node->is_up()) return;
  node->Crash();
  ++crashes_;
  shared_->events.After(time, [this, node] {
    if (!node->is_up() && !node->is_lost()) node->Start();
  });
}

void ClusterFaults::HealAfter(std::uint64_t time) {
  shared_->events.After(time, [this] { shared_->network.Heal(); });
}

void ClusterFaults::Wipe() {
  ClusterNode* node = AnyNode();
  const ClusterState& ring = *shared_->ring.newest();
  if (has_wiped_ || !node->has_cluster() || ring.members.size() < 4 || ring.IsMoving()) return;
  has_wiped_ = true;
  shared_->Tell("node {} loses its disk", node->number());
  node->Lose();
  lose_(node);
}

void ClusterFaults::Stop() {
  shared_->storm = false;
  shared_->slow_disks = false;
  shared_->network.StopFaults();
  for (const auto& node : *nodes_) {
    node->PauseUntil(0);
    node->machine()->clock.offset = {};
    node->machine()->files.ClearFaults();
    if (!node->is_up() && node->has_cluster() && !node->is_lost()) node->Start();
  }
}

}  // namespace carillon
