#include "tests/sim/cluster/cluster_world.h"

#include <algorithm>

#include "ring/hash_ring.h"
#include "ring/placement.h"
#include "tests/sim/cluster/checkers/replica_checker.h"

namespace carillon {
namespace {

constexpr std::size_t kHomes = 3;     // of a partition
constexpr std::size_t kMaxNodes = 7;  // those that came and went included
// Long enough for the slot of the storm's claims to be over (MachineClock::kWallBegin lies 100 s
// before the end of one).
constexpr std::uint64_t kClaimRest = 120 * kSecond;

// Each partition where a plan for members that have nothing yet would put it.
ClusterState PlacedFairly(ClusterState state) {
  const std::vector<PlacementMember> members(state.members.size());
  const HomeLists lists = PlacePartitions(members, kHomes, HomeLists(state.placement.size()));
  for (std::size_t p = 0; p < lists.size(); ++p) state.placement[p].homes = lists[p];
  return state;
}

}  // namespace

ClusterWorld::ClusterWorld(std::uint64_t seed, const ClusterSettings& settings,
                           const ClusterMutations& mutations, bool verbose)
    : shared_(seed, settings, mutations, verbose), peers_(&shared_) {
  workload_ = std::make_unique<ClusterWorkload>(&shared_, &nodes_);
  claims_ = std::make_unique<ClaimWorkload>(&shared_, &nodes_);
  admin_ = std::make_unique<ClusterAdmin>(&shared_, &nodes_, [this]() -> ClusterNode* {
    return nodes_.size() < kMaxNodes ? AddNode() : nullptr;
  });
  faults_ = std::make_unique<ClusterFaults>(&shared_, &nodes_, [this](ClusterNode* lost) {
    admin_->GiveUp(lost->id());
    admin_->Join(AddNode());
  });
  script_ = std::make_unique<FenceScript>(&shared_, &nodes_, workload_.get());
  if (settings.writes_at_offers) {
    shared_.on_offer = [this](PartitionId partition) { workload_->HandleOffer(partition); };
  }
  shared_.on_drop = [this](const ClusterNode& by, PartitionId partition,
                           const std::vector<SyncEntry>& dropped) {
    CheckDropped(by, partition, dropped);
  };
  FoundCluster();
}

ClusterNode* ClusterWorld::AddNode() {
  nodes_.push_back(std::make_unique<ClusterNode>(nodes_.size(), &shared_, &peers_));
  peers_.Add(nodes_.back().get());
  return nodes_.back().get();
}

// Its members are there from the beginning, each partition placed as a plan would.
void ClusterWorld::FoundCluster() {
  const ClusterSettings& settings = shared_.settings;
  const std::uint64_t count =
      settings.nodes_least + shared_.random.Below(settings.nodes_most - settings.nodes_least + 1);
  for (std::uint64_t i = 0; i < count; ++i) AddNode();
  Uuid cluster;
  cluster.bytes[0] = 7;
  ClusterState state = FirstState(cluster, nodes_.front()->AsMember(), settings.partition_bits);
  state.members.clear();
  if (settings.all_sizes) {
    state.buckets[kSimBucketOfOne] = {.n_val = 1};
    state.buckets[kSimBucketOfTwo] = {.n_val = 2, .w = 1};
  }
  for (const auto& node : nodes_) state.members.push_back(node->AsMember());
  std::sort(state.members.begin(), state.members.end(),
            [](const Member& a, const Member& b) { return a.node < b.node; });
  if (settings.many) return Begin(PlacedFairly(std::move(state)));
  for (std::size_t p = 0; p < state.placement.size(); ++p) {
    auto& homes = state.placement[p].homes;
    homes.clear();
    for (std::size_t i = 0; i < std::min<std::size_t>(count, kHomes); ++i) {
      homes.push_back(static_cast<std::uint16_t>((p + i) % count));
    }
  }
  Begin(std::move(state));
}

void ClusterWorld::Begin(ClusterState state) {
  const SharedState first = Share(std::move(state));
  for (const auto& node : nodes_) node->Adopt(first);
  for (const auto& node : nodes_) node->Start();
}

void ClusterWorld::RunFor(std::uint64_t time) {
  const std::uint64_t until = shared_.events.now() + time;
  while (!IsOver() && shared_.events.RunNext(until)) {
  }
}

SimResult ClusterWorld::Run() {
  RunFor(kSecond);
  workload_->Start();
  claims_->Start();
  admin_->Start();
  faults_->Start();
  script_->Start();
  if (!shared_.settings.many) WatchCopies();
  RunFor(shared_.settings.storm_seconds * kSecond);
  workload_->Stop();
  claims_->Stop();
  admin_->Stop();
  faults_->Stop();
  script_->Stop();
  shared_.Tell("the storm is over");
  if (!IsOver()) ComeToRest();
  if (!IsOver()) CheckReplicas();
  if (!IsOver()) ReplayRequests();
  if (!IsOver() && shared_.settings.claims_per_second != 0) CheckClaims();
  return Result();
}

void ClusterWorld::WatchCopies() {
  const ClusterSettings& settings = shared_.settings;
  const std::uint64_t pause = settings.shuffles || settings.fence_script ? 10 * kMillisecond
                              : settings.late_ms != 0                    ? kSecond / 5
                                                                         : kSecond;
  shared_.events.After(pause, [this] {
    if (IsOver()) return;
    shared_.settings.nobody_away ? CheckServing() : CountCopies();
    WatchCopies();
  });
}

// I1 at every moment: what is acknowledged is on the disks of w members, wherever they are on the
// ring. Those that are down may have it; one that lost its disk takes one copy with it.
void ClusterWorld::CountCopies() {
  const ClusterState& state = *shared_.ring.newest();
  std::size_t wanted = shared_.settings.rule_changes ? 1 : 2;
  std::size_t unknown = 0;
  std::vector<const ClusterNode*> members;
  for (const auto& node : nodes_) {
    if (node->is_lost()) wanted = 1;
    if (state.FindMember(node->id()) == nullptr || node->is_lost()) continue;
    node->is_up() ? members.push_back(node.get()) : void(++unknown);
  }
  if (unknown >= wanted) return;
  std::vector<ChunkRef> refs;
  for (const auto& [key, chunk] : workload_->history().chunks) {
    if (!chunk.acknowledged) continue;
    const std::string& bucket = SimBucketOf(chunk.info.key);
    const auto partition = PartitionOf(HashKey(bucket, key), state.partition_bits);
    refs.push_back({.partition = partition, .bucket = bucket, .key = chunk.info.key});
  }
  std::vector<std::size_t> copies(refs.size(), unknown);
  for (const ClusterNode* node : members) {
    const auto stats = node->machine().store->StatChunks(refs);
    for (std::size_t i = 0; stats.ok() && i < refs.size(); ++i)
      copies[i] += (*stats)[i].has_value();
  }
  for (std::size_t i = 0; i < refs.size(); ++i) {
    if (copies[i] >= wanted) continue;
    return shared_.Complain(fmt::format("I1: {} of partition {} is on {} disks of members",
                                        ToString(refs[i].key), refs[i].partition, copies[i]));
  }
}

// I1 of what a node gives away: two others have it, whether or not it is acknowledged yet.
void ClusterWorld::CheckDropped(const ClusterNode& by, PartitionId partition,
                                const std::vector<SyncEntry>& dropped) {
  std::vector<ChunkRef> refs;
  for (const SyncEntry& entry : dropped) {
    if (entry.kind != SyncEntry::Kind::kChunk) continue;
    refs.push_back({.partition = partition, .bucket = entry.bucket, .key = entry.info.key});
  }
  std::vector<std::size_t> copies(refs.size());
  for (const auto& node : nodes_) {
    if (node.get() == &by || !node->has_cluster()) continue;
    if (!node->is_up()) {  // it may have them
      for (std::size_t& of_one : copies) ++of_one;
      continue;
    }
    const auto stats = node->machine()->store->StatChunks(refs);
    for (std::size_t i = 0; stats.ok() && i < refs.size(); ++i) {
      copies[i] += (*stats)[i].has_value();
    }
  }
  for (std::size_t i = 0; i < refs.size(); ++i) {
    if (copies[i] >= (shared_.settings.rule_changes ? 1u : 2u)) continue;
    return shared_.Complain(
        fmt::format("I1: node {} drops {} of partition {}, which {} others have", by.number(),
                    ToString(refs[i].key), partition, copies[i]));
  }
}

namespace {

ReplicaRule KeptBy(const ClusterState& state, const std::string& bucket) {
  const BucketRules rules = RulesOf(state, bucket);
  return rules.before.value_or(rules.now);
}

}  // namespace

// That a quorum of homes has what is acknowledged, and so every n - w + 1 of them find it: true at
// every moment while nobody is away.
void ClusterWorld::CheckServing() {
  const ClusterState& state = *shared_.ring.newest();
  std::vector<std::vector<ChunkRef>> refs(state.partitions());
  for (const auto& [key, chunk] : workload_->history().chunks) {
    if (!chunk.acknowledged) continue;
    const std::string& bucket = SimBucketOf(chunk.info.key);
    const auto partition = PartitionOf(HashKey(bucket, key), state.partition_bits);
    refs[partition.value()].push_back(
        {.partition = partition, .bucket = bucket, .key = chunk.info.key});
  }
  for (std::size_t p = 0; p < refs.size(); ++p) {
    const PartitionHomes& partition = state.placement[p];
    const auto& serving = partition.phase == Phase::kReadNew ? partition.next : partition.homes;
    std::vector<std::uint32_t> copies(refs[p].size());
    for (std::size_t place = 0; place < serving.size(); ++place) {
      const auto node = std::find_if(nodes_.begin(), nodes_.end(), [&](const auto& one) {
        return one->id() == state.members[serving[place]].node;
      });
      const auto stats = (*node)->machine()->store->StatChunks(refs[p]);
      for (std::size_t i = 0; stats.ok() && i < copies.size(); ++i) {
        const bool counts = place < KeptBy(state, refs[p][i].bucket).n_val;
        if (counts && (*stats)[i]) ++copies[i];
      }
    }
    for (std::size_t i = 0; i < copies.size(); ++i) {
      const ReplicaRule rule = KeptBy(state, refs[p][i].bucket);
      const auto homes = std::min<std::size_t>(serving.size(), rule.n_val);
      if (copies[i] >= std::min<std::size_t>(rule.w, homes)) continue;
      return shared_.Complain(fmt::format(
          "I1: {} of {} is with {} of its {} homes of partition {} ({})", ToString(refs[p][i].key),
          refs[p][i].bucket, copies[i], homes, p, ToString(partition.phase)));
    }
  }
}

void ClusterWorld::ComeToRest() {
  std::string unrest = "?";
  for (std::uint64_t second = 0; second < kCalmSeconds; ++second) {
    RunFor(kSecond);
    if (IsOver()) return;
    ++rest_seconds_;
    admin_->Settle();
    unrest = ReplicaChecker(shared_.ring.newest().state.get(), &nodes_).Unrest();
    const ClusterState& newest = *shared_.ring.newest();
    const bool has_lost = std::any_of(nodes_.begin(), nodes_.end(), [&](const auto& node) {
      return node->is_lost() && newest.FindMember(node->id()) != nullptr;
    });
    if (unrest.empty() && workload_->is_idle() && !has_lost) return;
  }
  shared_.Complain(fmt::format("I11: all faults are over, and there is no rest: {}", unrest));
  for (const auto& node : nodes_) {
    if (!node->is_up()) continue;
    shared_.Tell("node {}: {} pulls under way, the handoff holds {}", node->number(),
                 node->node().transfers().size(), node->node().handoff().holds().size());
    for (const Member& member : node->node().state().members) {
      if (node->node().ring().reachability().IsUp(member.node)) continue;
      shared_.Tell("  and {} is not up", member.name);
    }
  }
}

void ClusterWorld::CheckReplicas() {
  const ReplicaChecker checker(shared_.ring.newest().state.get(), &nodes_);
  for (std::string& wrong : checker.Check(workload_->history())) shared_.Complain(std::move(wrong));
}

void ClusterWorld::ReplayRequests() {
  const auto digests = [this] {
    return ReplicaChecker(shared_.ring.newest().state.get(), &nodes_).Digests();
  };
  const auto before = digests();
  for (const ClusterPeers::Recorded& one : peers_.recorded()) {
    // Of a life that is not said: one of an older life is a copy's, and refused.
    PeerSender sender = one.sender;
    sender.boot = {};
    if (one.to->is_up()) one.to->HandlePeer(0, sender, one.message);
  }
  ComeToRest();
  if (!IsOver() && digests() != before) {
    shared_.Complain("I20: old requests, made again, change what is stored");
  }
}

// Until slots of claims are over and anti-entropy has looked at them; then everybody asks again.
void ClusterWorld::CheckClaims() {
  RunFor(kClaimRest);
  claims_->AskAllAgain();
  for (int second = 0; second < 60 && !claims_->is_idle(); ++second) RunFor(kSecond);
  if (IsOver()) return;
  claims_->is_idle() ? claims_->CheckAll() : shared_.Complain("I6: claims are not answered");
}

SimResult ClusterWorld::Result() const {
  const ClusterHistory& history = workload_->history();
  SimResult result{.trace_hash = shared_.trace, .violations = shared_.violations};
  result.counts = {{"events", shared_.events.events()},
                   {"requests", peers_.requests()},
                   {"puts", history.puts},
                   {"commits", history.commits},
                   {"reads", history.reads},
                   {"gave up", history.failed},
                   {"unlisted", history.unlisted},
                   {"mine", claims_->counts().mine},
                   {"taken", claims_->counts().taken},
                   {"undecided", claims_->counts().undecided},
                   {"nobody's", claims_->counts().contested},
                   {"crashes", faults_->crashes()},
                   {"versions", shared_.ring.newest()->version.value()},
                   {"moves", shared_.ring.moves_done()},
                   {"changes", admin_->changes()},
                   {"to rest", rest_seconds_}};
  if (shared_.settings.many) AddLoad(&result);
  return result;
}

// What nodes did for one another, and how evenly things lie on them.
void ClusterWorld::AddLoad(SimResult* result) const {
  std::uint64_t copies = 0, most = 0;
  for (const auto& node : nodes_) {
    std::uint64_t here = 0;
    const auto holds = node->machine()->store->HeldPartitions();
    for (const PartitionId held : holds.value()) {
      for (const SyncEntry& entry : node->machine()->AllOf(held)) {
        here += entry.kind == SyncEntry::Kind::kChunk;
      }
    }
    copies += here;
    most = std::max(most, here);
  }
  const ClusterPeers::Traffic& traffic = peers_.traffic();
  result->counts.insert(result->counts.end(), {{"nodes", nodes_.size()},
                                               {"copies", copies},
                                               {"most copies of a node", most},
                                               {"values sent", traffic.values},
                                               {"scans asked", traffic.scans},
                                               {"digests asked", traffic.digests},
                                               {"of the register", traffic.register_messages},
                                               {"gossip packets", traffic.gossip}});
}

}  // namespace carillon
