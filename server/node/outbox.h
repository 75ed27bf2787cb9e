#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "ring/preference_list.h"
#include "server/node/effects.h"
#include "server/node/foreign_partitions.h"
#include "server/node/node_mutations.h"
#include "server/node/reachability.h"
#include "server/node/watermarks.h"

namespace carillon {

// What of its own store a node could have been asked instead.
enum class AskedFor : std::uint8_t { kWrite, kStat, kRead, kScan, kClaims, kOther };

// Which request each operation under way belongs to, and whom it was asked of.
class Operations {
 public:
  struct Owner {
    RequestId request;
    std::optional<NodeId> peer;  // asked of another node
    AskedFor asked = AskedFor::kOther;
    Instant began;
    std::uint64_t numbering = 0;
    std::optional<PartitionId> foreign = {};  // a write of a line that this node keeps for others
  };

  OperationId Begin(RequestId request, std::optional<NodeId> peer, AskedFor asked, Instant now) {
    const OperationId operation(next_++);
    owners_.emplace(operation.value(), Owner{.request = request,
                                             .peer = std::move(peer),
                                             .asked = asked,
                                             .began = now,
                                             .numbering = numbering_});
    return operation;
  }
  void MarkForeign(OperationId operation, PartitionId partition) {
    owners_.at(operation.value()).foreign = partition;
  }
  // The operation is over. nullopt: it was not under way.
  std::optional<Owner> End(OperationId operation) {
    const auto found = owners_.find(operation.value());
    if (found == owners_.end()) return std::nullopt;
    const Owner owner = found->second;
    owners_.erase(found);
    return owner;
  }
  std::size_t size() const { return owners_.size(); }
  // Partitions have other numbers from here on: what began before is of an older numbering.
  void BeginNumbering() { ++numbering_; }
  std::uint64_t numbering() const { return numbering_; }

 private:
  std::uint64_t next_ = 1;
  std::uint64_t numbering_ = 0;
  std::unordered_map<std::uint64_t, Owner> owners_;  // lookup only
};

inline constexpr MemberIndex kNoMember = 0xffff;

// Where members say that they are, while the ring knows older addresses.
using NewAddresses = std::map<NodeId, std::string>;

// What a machine sees of the node while it decides.
struct Scene {
  const ClusterState* state = nullptr;
  const NewAddresses* new_addresses = nullptr;
  NodeId node;                   // this node
  MemberIndex self = kNoMember;  // kNoMember: this node is not, or no longer, of the ring
  BootId boot;                   // its life
  const Reachability* reachability = nullptr;
  Watermarks* watermarks = nullptr;
  ForeignPartitions* foreign = nullptr;
  NodeTime time;
  // How far the wall clock is behind what it would be if it had not been set back since the start:
  // whoever is right, the clients may still go by the other time.
  std::uint64_t set_back_seconds = 0;
  NodeMutations mutations;

  std::uint64_t now_seconds() const { return WallSeconds(time.wall); }
  const NodeId& NodeOf(MemberIndex member) const { return state->members[member].node; }
  // Requires: the bucket exists.
  BucketRules RulesOf(const std::string& bucket) const {
    BucketRules rules = carillon::RulesOf(*state, bucket);
    if (mutations.settles_at_once) rules.before.reset();
    return rules;
  }
  PeerSender AsSender() const {
    return {.cluster = state->cluster,
            .node = node,
            .generation = state->generation,
            .version = state->version,
            .boot = boot};
  }
  bool IsUp(MemberIndex member) const {
    return member == self || reachability->IsUp(NodeOf(member));
  }
};

// When the node must wake whom.
using Wakes = std::vector<std::pair<Instant, RequestId>>;

// Where a machine puts what it wants done. Lives for one step.
//
// Write, Claim, Stat, Read, and Scan go to any member, this node included: each is answered by one
// completion of its kind (WriteDone, ClaimsDone, StatDone, ReadDone, ScanDone), wherever it was
// done. A scan of this node looks at the partitions it is asked for and at the foreign ones.
class Outbox {
 public:
  Outbox(RequestId request, const Scene* scene, Operations* operations, Wakes* wakes,
         Effects* effects)
      : request_(request),
        scene_(scene),
        operations_(operations),
        wakes_(wakes),
        effects_(effects) {}

  const Scene& scene() const { return *scene_; }
  OperationId Begin() {
    return operations_->Begin(request_, std::nullopt, AskedFor::kOther, scene_->time.now);
  }
  void Do(Effect effect) { effects_->push_back(std::move(effect)); }
  // The machine's HandleTime is called at `when` or a little later.
  void WakeAt(Instant when) { wakes_->emplace_back(when, request_); }

  OperationId Write(MemberIndex member, const ReplicaWrite& write);
  OperationId Claim(MemberIndex member, ReplicaClaims claims);
  OperationId Stat(MemberIndex member, std::string bucket, std::vector<ChunkPlace> chunks);
  OperationId Read(MemberIndex member, std::string bucket, ChunkPlace chunk);
  OperationId Scan(MemberIndex member, ReplicaScan scan);
  // -> PeerReplied.
  OperationId Ask(const NodeId& node, PeerMessage message);

  template <typename Value>
  void AnswerWith(Value value) {
    Do(Answer{.request = request_,
              .status = OkStatus(),
              .value = std::move(value),
              .version = scene_->state->version});
  }
  void AnswerError(Status status) {
    Do(Answer{.request = request_,
              .status = std::move(status),
              .value = {},
              .version = scene_->state->version});
  }
  void Emit(StreamItem item) {
    item.request = request_;
    Do(std::move(item));
  }
  void EndStream(Status status) { Do(StreamEnd{.request = request_, .status = std::move(status)}); }

 private:
  RequestId request_;
  const Scene* scene_;
  Operations* operations_;
  Wakes* wakes_;
  Effects* effects_;
};

}  // namespace carillon
