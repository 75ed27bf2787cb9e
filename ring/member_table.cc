#include "ring/member_table.h"

#include <algorithm>
#include <tuple>

namespace carillon {
namespace {

template <typename Belief>
auto StrengthOf(const Belief& belief) {
  return std::tuple(belief.boot.counter, belief.incarnation, belief.liveness);
}

}  // namespace

Rumor RumorOf(const Peer& peer) {
  return {.node = peer.node,
          .liveness = peer.liveness,
          .boot = peer.boot,
          .incarnation = peer.incarnation,
          .from = {}};
}

void MemberTable::SetMembers(Instant now, std::vector<SwimMember> members) {
  std::erase_if(members, [&](const SwimMember& member) { return member.node == self_; });
  std::ranges::sort(members, {}, &SwimMember::node);
  members_ = members.size();
  std::vector<Peer> known = std::move(peers_);
  peers_.clear();
  peers_.reserve(members.size() + known.size());
  auto old = known.begin();
  const auto keep_removed_before = [&](const NodeId* limit) {
    for (; old != known.end() && (limit == nullptr || old->node < *limit); ++old) {
      if (old->is_member) old->since = now;
      old->is_member = false;
      peers_.push_back(std::move(*old));
    }
  };
  for (SwimMember& member : members) {
    keep_removed_before(&member.node);
    const bool is_known = old != known.end() && old->node == member.node;
    Peer peer = is_known ? std::move(*old++) : Peer{.node = member.node, .since = now};
    Admit(now, std::move(member), &peer);
    peers_.push_back(std::move(peer));
  }
  keep_removed_before(nullptr);
  ForgetOld(now);
}

void MemberTable::Admit(Instant now, SwimMember member, Peer* peer) {
  peer->address = std::move(member.address);
  if (!peer->is_member) peer->since = now;
  peer->is_member = true;
  const bool is_later = member.life.counter > peer->boot.counter;
  if (!is_later && !IsOtherLife(member.life, peer->boot)) return;
  peer->boot = member.life;
  peer->life_since = now;
  peer->incarnation = 0;
  peer->liveness = Liveness::kAlive;
  peer->since = now;
}

void MemberTable::ForgetOld(Instant now) {
  std::erase_if(peers_, [&](const Peer& peer) {
    return !peer.is_member && now - peer.since >= kRememberGone;
  });
  while (peers_.size() > kMaxRemembered) {
    const auto oldest = std::ranges::min_element(
        peers_, {}, [](const Peer& peer) { return std::pair(peer.is_member, peer.since); });
    if (oldest->is_member) return;
    peers_.erase(oldest);
  }
}

MemberTable::Change MemberTable::Apply(Instant now, const Rumor& rumor) {
  Peer* peer = FindAny(rumor.node);
  if (peer == nullptr || !peer->is_member) return Change::kStranger;
  const auto told = StrengthOf(rumor);
  const auto known = StrengthOf(*peer);
  if (told < known) return Change::kOld;
  if (told == known) return Change::kSame;
  const bool new_life = rumor.boot.counter > peer->boot.counter;
  if (new_life || peer->boot.id == 0) peer->boot = rumor.boot;
  if (new_life) peer->path_failures = 0;
  if (new_life) peer->life_since = now;
  peer->incarnation = rumor.incarnation;
  if (peer->liveness != rumor.liveness) {
    peer->liveness = rumor.liveness;
    peer->since = now;
  }
  return Change::kNews;
}

void MemberTable::LearnBootId(const NodeId& node, const BootId& boot) {
  Peer* peer = FindAny(node);
  if (peer != nullptr && peer->boot.counter == boot.counter && peer->boot.id == 0) {
    peer->boot.id = boot.id;
  }
}

bool MemberTable::HandleRequestOutcome(const NodeId& node, bool ok, Duration latency) {
  Peer* peer = FindAny(node);
  if (peer == nullptr || !peer->is_member) return false;
  const bool was_ok = peer->DataPathOk();
  if (ok) {
    peer->path_failures = 0;
    peer->latency = peer->latency == Duration{0}
                        ? latency
                        : peer->latency + (latency - peer->latency) / kLatencyShare;
  } else if (was_ok) {
    ++peer->path_failures;
  }
  return was_ok != peer->DataPathOk();
}

const Peer* MemberTable::Find(const NodeId& node) const {
  const auto place = std::ranges::lower_bound(peers_, node, {}, &Peer::node);
  if (place == peers_.end() || place->node != node || !place->is_member) return nullptr;
  return &*place;
}

Peer* MemberTable::FindAny(const NodeId& node) {
  const auto place = std::ranges::lower_bound(peers_, node, {}, &Peer::node);
  return place == peers_.end() || place->node != node ? nullptr : &*place;
}

}  // namespace carillon
