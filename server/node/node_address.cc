// Where this node is, when it was started at another address than the ring knows; and where others
// are, until the ring knows it.
#include "ring/staging.h"
#include "server/node/node.h"

namespace carillon {
namespace {

constexpr Duration kTellAgain = std::chrono::seconds(1);

}  // namespace

// Another member proposes the change: votes go to the address that the ring knows, so this node
// would not hear them. Whoever is asked answers on the connection that asks, and knows from then
// on where this node's own vote is to be had.
void Node::TellAddress() {
  if (!tell_address_at_ || scene_.time.now < *tell_address_at_) return;
  tell_address_at_.reset();
  const Member& self = state_->members[scene_.self];
  if (self.address == options_.address) return;
  Outbox out = OutboxOf(kRing);
  const std::size_t others = state_->members.size() - 1;
  if (others == 0) return ProposeAddress(&out);
  for (std::size_t i = 0; i < others; ++i) {
    const std::size_t turn = 1 + address_told_++ % others;
    const NodeId& node = state_->members[(scene_.self + turn) % state_->members.size()].node;
    if (i + 1 < others && !ring_.reachability().IsUp(node)) continue;
    Member moved{.node = self.node, .name = self.name, .address = options_.address};
    telling_address_ = out.Ask(node, JoinCluster{.member = std::move(moved)});
    return;
  }
}

void Node::ProposeAddress(Outbox* out) {
  ring_.Propose(
      std::nullopt, std::nullopt,
      [self = options_.self, address = options_.address](const ClusterState& state) {
        return WithAddress(state, self, address);
      },
      [this](const RingControl::Outcome& outcome, Outbox* done) {
        if (!outcome.status.ok()) HandleUntold(outcome.status, done);
      },
      out);
}

void Node::HandleAddressTold(const NodeId& member, const PeerReply& reply, Outbox* out) {
  telling_address_.reset();
  const auto* told = std::get_if<StateReply>(&reply.value);
  if (!reply.status.ok() || told == nullptr || !told->state) return HandleUntold(reply.status, out);
  tell_address_at_ = out->scene().time.now + kTellAgain;  // whether it is known here by then
  ring_.HandleMessage(member, StateNotice{.header = HeaderAfter(told->state), .state = told->state},
                      out);
}

void Node::HandleUntold(const Status& why, Outbox* out) {
  tell_address_at_ = out->scene().time.now + kTellAgain;
  out->Do(Alarm{.text = fmt::format("this node's address {} cannot be told: {}", options_.address,
                                    ToString(why))});
}

// `node` says where it is.
void Node::HearOfAddress(const NodeId& node, const std::string& address) {
  if (WithAddress(*state_, node, address).ok()) new_addresses_[node] = address;
}

// What the ring says since `before` is newer than what was heard.
void Node::ForgetKnownAddresses(const ClusterState& before) {
  std::erase_if(new_addresses_, [&](const auto& one) {
    const Member* member = state_->FindMember(one.first);
    const Member* was = before.FindMember(one.first);
    return member == nullptr || was == nullptr || member->address != was->address ||
           member->address == one.second;
  });
}

}  // namespace carillon
