#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

#include "ring/cluster_state.h"
#include "server/node/bucket_quota.h"
#include "server/node/commit_coordinator.h"
#include "server/node/effects.h"
#include "server/node/get_coordinator.h"
#include "server/node/input.h"
#include "server/node/outbox.h"
#include "server/node/put_coordinator.h"
#include "server/node/range_coordinator.h"
#include "server/node/state_changes.h"
#include "server/node/watermarks.h"

namespace carillon {

struct NodeOptions {
  NodeId self;
  std::uint64_t max_future_seconds = 300;                // of an epoch that is written
  std::size_t max_requests = 20'000;                     // at once; beyond: RESOURCE_EXHAUSTED
  std::size_t max_value_bytes = std::size_t{512} << 20;  // of puts under way
};

struct NodeCounters {
  std::uint64_t requests = 0;
  std::uint64_t refused_busy = 0;  // too many at once, or over a bucket's quota
  std::size_t in_flight = 0;
  std::size_t value_bytes_in_flight = 0;
};

// A node: every decision it makes, and nothing else. It routes inputs to the machines that decide
// (one coordinator a request), and owns what they share: the cluster state and the watermarks.
//
// Pure: no clock, no I/O, no threads. One caller at a time. Every request is answered exactly once
// (a cancelled one: at most once); a completion of an unknown operation changes nothing.
class Node {
 public:
  // `state` is valid and has `options.self` as a member. `seals`: what the store has heard so far.
  Node(NodeOptions options, ClusterState state, std::vector<HeardSeal> seals);

  // Takes one input and appends what is to be done to `effects`.
  void Step(const NodeTime& time, Input input, Effects* effects);

  const ClusterState& state() const { return changes_.state(); }
  NodeCounters counters() const;
  // By dc: all seconds up to the epoch are complete.
  std::vector<std::pair<std::string, Epoch>> WatermarksOf(const std::string& bucket,
                                                          std::uint64_t now_seconds) const;

 private:
  using Coordinator = std::variant<PutCoordinator, CommitCoordinator, ListCoordinator,
                                   GetCoordinator, RangeCoordinator>;

  void Handle(const NodeTime& time, PutChunkInput input, Effects* effects);
  void Handle(const NodeTime& time, CommitInput input, Effects* effects);
  void Handle(const NodeTime& time, ListSecondsInput input, Effects* effects);
  void Handle(const NodeTime& time, GetChunksInput input, Effects* effects);
  void Handle(const NodeTime& time, ReadRangeInput input, Effects* effects);
  void Handle(const NodeTime& time, CreditInput input, Effects* effects);
  void Handle(const NodeTime& time, CancelInput input, Effects* effects);
  void Handle(const NodeTime& time, CreateBucketInput input, Effects* effects);
  void Handle(const NodeTime& time, SetBucketInput input, Effects* effects);
  void Handle(const NodeTime& time, StateSaved input, Effects* effects);
  template <typename Completion>
  void Handle(const NodeTime& time, Completion completion, Effects* effects);

  void BeginWaitingChange(const NodeTime& time, Effects* effects);
  Status Admit(std::size_t value_bytes);
  void Refuse(RequestId request, Status why, Effects* effects) const;
  template <typename C>
  void Begin(RequestId request, C coordinator, const NodeTime& time, Effects* effects);
  template <typename Act>
  void Run(RequestId request, const NodeTime& time, Effects* effects, Act act);
  Scene SceneAt(const NodeTime& time) const;

  const NodeOptions options_;
  StateChanges changes_;
  Watermarks watermarks_;
  BucketQuota quota_;
  Operations operations_;
  std::unordered_map<std::uint64_t, Coordinator> coordinators_;  // by request; lookup only
  NodeCounters counters_;
};

}  // namespace carillon
