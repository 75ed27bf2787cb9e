#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "base/random.h"
#include "server/node/admission.h"
#include "server/node/bucket_quota.h"
#include "server/node/claim_coordinator.h"
#include "server/node/commit_coordinator.h"
#include "server/node/fence.h"
#include "server/node/get_coordinator.h"
#include "server/node/handoff.h"
#include "server/node/node_mutations.h"
#include "server/node/plan_sizes.h"
#include "server/node/put_coordinator.h"
#include "server/node/range_coordinator.h"
#include "server/node/replica_request.h"
#include "server/node/ring_control.h"
#include "server/node/sync_schedule.h"
#include "server/node/sync_target.h"
#include "server/node/watermarks.h"

namespace carillon {

struct NodeOptions {
  NodeId self;
  BootId boot{.counter = 1, .id = 1};
  std::uint64_t random_seed = 1;
  std::uint64_t max_future_seconds = 300;                // of an epoch that is written
  std::size_t max_requests = 20'000;                     // at once; beyond: RESOURCE_EXHAUSTED
  std::size_t max_value_bytes = std::size_t{512} << 20;  // of puts under way
  AdmissionLimits puts;                                  // of clients
  std::string address;                                   // of this node; empty: not to be told
  std::size_t max_moving = 8;                            // partitions between two homes at once
  RegisterOptions ring;
  SwimOptions swim;
  SyncScheduleOptions sync;
  NodeMutations mutations;  // for tests
};

struct NodeCounters {
  std::uint64_t requests = 0;
  std::uint64_t refused_busy = 0;  // too many at once, or over a bucket's quota
  std::size_t in_flight = 0;       // of clients and of other nodes
  std::size_t value_bytes_in_flight = 0;
  std::uint64_t stale_requests = 0;  // of other nodes, refused by the fence
  std::uint64_t syncs = 0;           // pulls that ended
  std::uint64_t sync_chunks = 0;     // and what they brought
  std::uint64_t sync_bytes = 0;
  std::uint64_t sync_claims = 0;
  std::uint64_t handoffs = 0;  // foreign partitions given away
  std::uint64_t alarms = 0;
  ClaimCounts claims;  // ids of requests that were answered here
};

// A pull under way, for `ring transfers`.
struct Transfer {
  PartitionId partition;
  NodeId source;
  SyncReason reason = SyncReason::kAntiEntropy;
  SyncProgress progress;
  Instant began;
};

// A node: every decision it makes, and nothing else. It routes inputs to the machines that decide
// (one coordinator a request) and owns what they share: the ring, who lives, the watermarks.
//
// Pure: no clock, no I/O, no threads; chance comes from `random_seed`. One caller at a time. Every
// request is answered exactly once (a cancelled one: at most once); a completion of an unknown
// operation changes nothing.
class Node {
 public:
  // `saved` is what was saved last; `seals`: what the store has heard so far.
  Node(NodeOptions options, SavedRing saved, std::vector<HeardSeal> seals, const NodeTime& time);

  // Takes one input and appends what is to be done to `effects`.
  void Step(const NodeTime& time, Input input, Effects* effects);

  // When a TickInput must be stepped next; nullopt: not until something else happens.
  std::optional<Instant> Deadline() const;

  const ClusterState& state() const { return *state_; }
  const SharedState& shared_state() const { return state_; }
  const RingControl& ring() const { return ring_; }
  const NodeId& self() const { return options_.self; }
  const SyncSchedule& schedule() const { return schedule_; }
  const Handoff& handoff() const;
  // nullptr: not before StartInput.
  const Handoff* FindHandoff() const;
  NodeCounters counters() const;
  std::vector<Transfer> transfers() const;
  // By dc: all seconds up to the epoch are complete.
  std::vector<std::pair<std::string, Epoch>> WatermarksOf(const std::string& bucket,
                                                          std::uint64_t now_seconds) const;

 private:
  using Coordinator = std::variant<PutCoordinator, CommitCoordinator, ClaimCoordinator,
                                   ListCoordinator, GetCoordinator, RangeCoordinator,
                                   ReplicaRequest, SyncTarget, Handoff, PlanSizes>;
  struct Running {  // a pull, by its request
    PullKey key;
    SyncReason reason = SyncReason::kAntiEntropy;
    Instant began;
  };

  // node.cc: requests of clients.
  void Handle(PutChunkInput input);
  void Handle(CommitInput input);
  void Handle(ClaimInput input);
  void Handle(ListSecondsInput input);
  void Handle(GetChunksInput input);
  void Handle(ReadRangeInput input);
  void Handle(CreditInput input);
  void Handle(CancelInput input);
  template <typename Completion>
  void Handle(Completion completion);
  // Whether the store may have gone by other numbers of partitions than who asked it.
  bool IsOfOtherNumbers(const Operations::Owner& owner) const {
    return renumbering_.has_value() || owner.numbering != operations_.numbering();
  }
  Status Admit(std::size_t value_bytes);
  void Refuse(RequestId request, Status why);
  void RefuseStream(RequestId request, Status why);

  // node_peers.cc: other nodes.
  void Handle(PeerReplied replied);
  void Handle(PeerRequest input);
  void Handle(GossipReceived input);
  FenceVerdict VerdictOn(const PeerRequest& input) const;
  bool IsForeignToLeaver(const PeerMessage& message) const;
  bool RefusedAsACopy(const PeerRequest& input);
  void HandleOffer(const PeerRequest& input);
  void HandleJoin(PeerRequest input);
  void Reply(RequestId request, Status status, PeerValue value);
  void ReplyStale(RequestId request);

  // node_ring.cc: the ring and its upkeep.
  void Handle(CreateBucketInput input);
  void Handle(SetBucketInput input);
  void Handle(RingChangeInput input);
  void Handle(PlanInput input);
  void MakePlanOf(PlanInput input);
  void Handle(SavedDone done);
  void Handle(RenumberDone done);
  void Handle(StartInput input);
  void Handle(TickInput input);
  void Handle(RecoverInput input);
  void Handle(RepairInput input);
  void AnswerRing(RequestId request, const RingControl::Outcome& outcome,
                  std::shared_ptr<const ChangePlan> plan, std::vector<PartitionId> lost = {});
  void AnswerBucket(RequestId request, const std::string& name,
                    const RingControl::Outcome& outcome);
  void AfterStep();
  void AdoptState();
  void Renumber(std::uint32_t partition_bits);
  void ForgetNumbers();
  void RefuseOvertaken(const std::vector<std::uint64_t>& requests);
  void DriveRing();
  void SayReady();
  void SaySettled();
  void TellAddress();
  void ProposeAddress(Outbox* out);
  void HandleAddressTold(const NodeId& member, const PeerReply& reply, Outbox* out);
  void HandleUntold(const Status& why, Outbox* out);
  void HearOfAddress(const NodeId& node, const std::string& address);
  void ForgetKnownAddresses(const ClusterState& before);
  void RunPulls();
  void Release();
  bool Holds(const Input& input) const;
  // Whether this process has a part in the ring: it is a member, and no copy of one.
  bool IsActive() const { return scene_.self != kNoMember && !ring_.refused(); }

  // Runs `act(coordinator, outbox)` of a request, and forgets the coordinator when it is done.
  template <typename Act>
  void Run(RequestId request, Act act);
  template <typename C>
  void Begin(RequestId request, C coordinator);
  template <typename Completion>
  void Deliver(RequestId request, Completion completion);
  void HandleAnswered(PutCoordinator* put);
  void Finish(RequestId request, const Coordinator& coordinator);
  Outbox OutboxOf(RequestId request);
  RequestId NewInternal() { return RequestId(kInternal | next_internal_++); }
  std::uint64_t SetBackSeconds(const NodeTime& time) const;
  void RefreshScene(const NodeTime& time);

  static constexpr std::uint64_t kInternal = std::uint64_t{1} << 63;
  static constexpr RequestId kRing{kInternal};
  static constexpr RequestId kHandoff{kInternal | 1};

  const NodeOptions options_;
  Random random_;
  RingControl ring_;
  SharedState state_;  // in force
  Watermarks watermarks_;
  ForeignPartitions foreign_;
  BucketQuota quota_;
  Admission puts_;  // that have no answer yet
  SyncSchedule schedule_;
  Operations operations_;
  Scene scene_;
  Wakes wakes_;                                                  // made in this step
  Effects* effects_ = nullptr;                                   // of this step
  std::set<std::pair<Instant, RequestId>> alarms_;               // who is to be woken when
  std::unordered_map<std::uint64_t, Coordinator> coordinators_;  // by request; lookup only
  std::map<RequestId, Running> pulls_;
  std::deque<PeerRequest> behind_;  // wait for a newer state
  std::deque<Input> held_;          // wait until the ring is known again after a pause
  std::optional<Instant> hold_until_;
  Instant behind_until_{};  // of those that wait
  const NodeTime started_;
  Instant state_since_{};            // the state is in force
  std::optional<Instant> drive_at_;  // when to look for a step of the ring to propose
  std::optional<Instant> ready_at_;  // when to say again which partitions are ready
  bool driving_ = false;             // a step of the ring is being proposed
  bool saying_ready_ = false;
  std::optional<Instant> tell_address_at_;
  std::optional<OperationId> telling_address_;
  std::size_t address_told_ = 0;  // so often
  NewAddresses new_addresses_;
  std::optional<std::uint32_t> store_bits_;   // what the store goes by; nullopt: not known
  std::optional<RenumberStore> renumbering_;  // under way
  std::optional<Instant> renumber_at_;        // it failed: when to try again
  std::uint64_t next_internal_ = 2;
  NodeCounters counters_;
};

}  // namespace carillon
