// What other nodes ask, and how this node's requests at others ended.
#include <algorithm>

#include "ring/address_probe.h"
#include "ring/staging.h"
#include "server/node/fence.h"
#include "server/node/node.h"
#include "server/node/node_run.h"

namespace carillon {
namespace {

constexpr std::size_t kMaxBehind = 10'000;
constexpr Duration kBehindAtMost = std::chrono::seconds(2);

// Nothing came back from the other node: it is down, stopped, or cut off.
bool IsUnanswered(const PeerReply& reply) {
  return reply.version == StateVersion(0);
}

WriteDone ToWriteDone(const PeerReplied& replied) {
  const auto* value = std::get_if<WriteReply>(&replied.reply.value);
  return {.operation = replied.operation,
          .status = replied.reply.status,
          .already_stored = value != nullptr && value->already_stored,
          .stale_ring = replied.reply.stale_sender};
}

ClaimsDone ToClaimsDone(PeerReplied replied) {
  ClaimsDone done{.operation = replied.operation,
                  .status = std::move(replied.reply.status),
                  .others = {},
                  .stale_ring = replied.reply.stale_sender};
  auto* value = std::get_if<ClaimsReply>(&replied.reply.value);
  if (value != nullptr) {
    done.others = std::move(value->others);
  } else if (done.status.ok()) {
    done.status = Internal("claims were answered with something else");
  }
  return done;
}

StatDone ToStatDone(PeerReplied replied) {
  StatDone done{.operation = replied.operation,
                .status = std::move(replied.reply.status),
                .found = {},
                .stale_ring = replied.reply.stale_sender};
  if (auto* value = std::get_if<StatReply>(&replied.reply.value)) {
    done.found = std::move(value->found);
  }
  return done;
}

ReadDone ToReadDone(PeerReplied replied) {
  ReadDone done{.operation = replied.operation,
                .status = std::move(replied.reply.status),
                .value = {},
                .value_crc = 0,
                .stale_ring = replied.reply.stale_sender};
  auto* value = std::get_if<ReadReply>(&replied.reply.value);
  if (!done.status.ok()) return done;
  if (value == nullptr || value->values.size() != 1) {
    done.status = Internal("a read was answered with something else");
    return done;
  }
  done.status = std::move(value->values.front().status);
  done.value = std::move(value->values.front().value);
  done.value_crc = value->values.front().value_crc;
  return done;
}

ScanDone ToScanDone(PeerReplied replied) {
  ScanDone done{.operation = replied.operation,
                .status = std::move(replied.reply.status),
                .seconds = {},
                .next_from = {},
                .seals = {},
                .stale_ring = replied.reply.stale_sender};
  if (auto* value = std::get_if<ScanReply>(&replied.reply.value)) {
    done.seconds = std::move(value->seconds);
    done.next_from = value->next_from;
    done.seals = std::move(value->seals);
  } else if (done.status.ok()) {
    done.status = Internal("a scan was answered with something else");
  }
  return done;
}

// Hands a reply over in the shape in which the coordinator takes what its own store says.
template <typename C>
void HandOver(C& coordinator, PeerReplied replied, AskedFor asked, Outbox* out) {
  if constexpr (requires { coordinator.Handle(std::move(replied), out); }) {
    return coordinator.Handle(std::move(replied), out);
  }
  switch (asked) {
    case AskedFor::kWrite:
      if constexpr (requires { coordinator.Handle(ToWriteDone(replied), out); }) {
        coordinator.Handle(ToWriteDone(replied), out);
      }
      return;
    case AskedFor::kStat:
      if constexpr (requires { coordinator.Handle(ToStatDone(replied), out); }) {
        coordinator.Handle(ToStatDone(std::move(replied)), out);
      }
      return;
    case AskedFor::kRead:
      if constexpr (requires { coordinator.Handle(ToReadDone(replied), out); }) {
        coordinator.Handle(ToReadDone(std::move(replied)), out);
      }
      return;
    case AskedFor::kScan:
      if constexpr (requires { coordinator.Handle(ToScanDone(replied), out); }) {
        coordinator.Handle(ToScanDone(std::move(replied)), out);
      }
      return;
    case AskedFor::kClaims:
      if constexpr (requires { coordinator.Handle(ToClaimsDone(replied), out); }) {
        coordinator.Handle(ToClaimsDone(std::move(replied)), out);
      }
      return;
    case AskedFor::kOther:
      return;
  }
}

}  // namespace

// A sender that is a copy hears so, but may look for a ruling; a node that is refused itself
// answers nobody.
bool Node::RefusedAsACopy(const PeerRequest& input) {
  const auto* of_register = std::get_if<RegisterMessage>(&input.message);
  const bool looks =
      of_register != nullptr && std::holds_alternative<FetchStateRequest>(*of_register);
  if (!looks && ring_.IsCopy(input.sender)) {
    // A request is as good a word of a life as a packet: it may be the only one that a copy at
    // another address says before it hears what it is.
    Outbox out = OutboxOf(kRing);
    ring_.HandleGossip({.kind = GossipKind::kGossip,
                        .from = input.sender.node,
                        .to = options_.self,
                        .boot = input.sender.boot,
                        .state = {},
                        .target = {},
                        .rumors = {}},
                       &out);
    effects_->push_back(AnswerPeer{
        .request = input.request,
        .reply = {.status = Unavailable("another process runs as node {}: its data directory was "
                                        "copied",
                                        input.sender.node.value()),
                  .stale_sender = false,
                  .copied_sender = true,
                  .version = state_->version,
                  .newer = {},
                  .value = {}}});
    return true;
  }
  if (!ring_.refused() || RingControl::TellsOfState(input.message)) return false;
  Reply(input.request, Unavailable("{}", ring_.guard().refusal()), {});
  return true;
}

void Node::Handle(PeerReplied replied) {
  const auto owner = operations_.End(replied.operation);
  if (!owner || !owner->peer) return;
  Outbox ring = OutboxOf(kRing);
  if (replied.reply.copied_sender) ring_.HearOfOther({}, &ring);
  const bool answered = !IsUnanswered(replied.reply);
  ring_.HandleRequestOutcome(*owner->peer, answered, scene_.time.now - owner->began, &ring);
  if (replied.reply.newer) {
    const SharedState newer = replied.reply.newer;
    ring_.HandleMessage(*owner->peer, StateNotice{.header = HeaderAfter(newer), .state = newer},
                        &ring);
  }
  if (telling_address_ == replied.operation) {
    return HandleAddressTold(*owner->peer, replied.reply, &ring);
  }
  if (owner->request == kRing) return ring_.Handle(replied, &ring);
  Run(owner->request, [&](auto& coordinator, Outbox* out) {
    HandOver(coordinator, std::move(replied), owner->asked, out);
  });
}

void Node::Handle(GossipReceived input) {
  auto answer = AnswerToProbe(input.message, options_.self, ring_.swim().boot());
  if (answer) {
    // A copy that knows what it is must not keep the node from coming back.
    if (ring_.refused() || input.address.empty()) return;
    effects_->push_back(
        SendGossip{.address = std::move(input.address), .message = *std::move(answer)});
    return;
  }
  Outbox out = OutboxOf(kRing);
  ring_.HandleGossip(input.message, &out);
}

void Node::Reply(RequestId request, Status status, PeerValue value) {
  effects_->push_back(AnswerPeer{.request = request,
                                 .reply = {.status = std::move(status),
                                           .stale_sender = false,
                                           .copied_sender = false,
                                           .version = state_->version,
                                           .newer = {},
                                           .value = std::move(value)}});
}

void Node::ReplyStale(RequestId request) {
  ++counters_.stale_requests;
  effects_->push_back(
      AnswerPeer{.request = request,
                 .reply = {.status = FailedPrecondition("the ring has changed: it is at version {}",
                                                        state_->version),
                           .stale_sender = true,
                           .copied_sender = false,
                           .version = state_->version,
                           .newer = ring_.committed(),
                           .value = {}}});
}

FenceVerdict Node::VerdictOn(const PeerRequest& input) const {
  const FenceVerdict verdict = Fence(*state_, input.sender, input.message);
  const bool pulls = std::holds_alternative<SyncDigests>(input.message) ||
                     std::holds_alternative<SyncEntries>(input.message) ||
                     std::holds_alternative<SyncClaims>(input.message) ||
                     std::holds_alternative<SyncFetch>(input.message);
  const NodeMutations& mutations = options_.mutations;
  if ((verdict == FenceVerdict::kStaleSender && mutations.no_fence) ||
      (verdict == FenceVerdict::kBehind && mutations.snapshot_before_fence && pulls)) {
    return FenceVerdict::kPass;
  }
  return verdict;
}

void Node::Handle(PeerRequest input) {
  if (RefusedAsACopy(input)) return;
  switch (VerdictOn(input)) {
    case FenceVerdict::kStranger:
      return Reply(input.request,
                   Unavailable("node {} is no member of this cluster", input.sender.node.value()),
                   {});
    case FenceVerdict::kStaleSender:
      return ReplyStale(input.request);
    case FenceVerdict::kBehind: {
      if (behind_.size() >= kMaxBehind) {
        return Reply(input.request, Unavailable("this node is behind the ring"), {});
      }
      if (behind_.empty()) behind_until_ = scene_.time.now + kBehindAtMost;
      Outbox out = OutboxOf(kRing);
      ring_.AskForState(input.sender, &out);
      behind_.push_back(std::move(input));
      return;
    }
    case FenceVerdict::kPass:
      break;
  }
  if (auto* message = std::get_if<RegisterMessage>(&input.message)) {
    Reply(input.request, OkStatus(), {});
    Outbox out = OutboxOf(kRing);
    return ring_.HandleMessage(input.sender.node, std::move(*message), &out);
  }
  if (std::holds_alternative<JoinCluster>(input.message)) return HandleJoin(std::move(input));
  if (scene_.self == kNoMember) {
    return Reply(input.request, Unavailable("this node is no member of the ring"), {});
  }
  if (std::holds_alternative<SyncOffer>(input.message)) return HandleOffer(input);
  if (IsForeignToLeaver(input.message)) {
    return Reply(input.request, Unavailable("this node leaves: it keeps nothing for others"), {});
  }
  if (coordinators_.size() >= 2 * options_.max_requests) {
    return Reply(input.request, ResourceExhausted("too many requests are under way"), {});
  }
  const RequestId request = input.request;
  Begin(request, ReplicaRequest(std::move(input)));
}

// Whether it is a write that this node would have to hand off, and it is about to go.
bool Node::IsForeignToLeaver(const PeerMessage& message) const {
  const bool writes =
      std::holds_alternative<ReplicaPut>(message) || std::holds_alternative<ReplicaCommit>(message);
  if (!writes || state_->members[scene_.self].role != MemberRole::kLeaving) return false;
  const PartitionHomes& partition =
      state_->placement[PartitionsOf(message, state_->partition_bits).front().value()];
  const std::vector<MemberIndex> homes = WriteSetsOf(partition, kMaxReplicas).members;
  return std::find(homes.begin(), homes.end(), scene_.self) == homes.end();
}

void Node::HandleOffer(const PeerRequest& input) {
  const auto& offer = std::get<SyncOffer>(input.message);
  Reply(input.request, OkStatus(),
        schedule_.HandleOffer(offer.partition, input.sender.node, scene_));
}

void Node::HandleJoin(PeerRequest input) {
  const Member member = std::get<JoinCluster>(input.message).member;
  const Member* known = state_->FindMember(member.node);
  const RequestId request = input.request;
  if (known != nullptr && known->address == member.address) {
    return Reply(request, OkStatus(), StateReply{.state = state_});
  }
  if (known != nullptr && input.sender.node == member.node) {
    HearOfAddress(member.node, member.address);
  }
  Outbox out = OutboxOf(kRing);
  const auto maker = [member](const ClusterState& state) -> StatusOr<ClusterState> {
    if (state.FindMember(member.node) != nullptr) {
      return WithAddress(state, member.node, member.address);
    }
    return WithJoining(state, member);
  };
  ring_.Propose(
      std::nullopt, std::nullopt, maker,
      [this, request](const RingControl::Outcome& outcome, Outbox* /*out*/) {
        Reply(request, outcome.status, StateReply{.state = outcome.state});
      },
      &out);
}

}  // namespace carillon
