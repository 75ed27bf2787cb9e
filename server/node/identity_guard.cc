#include "server/node/identity_guard.h"

#include <algorithm>

namespace carillon {
namespace {

constexpr char kDisputed[] =
    "another process runs as this node: its data directory was copied or an old copy was brought "
    "back; this one serves no more";
constexpr char kRuledOut[] =
    "this data directory is an old copy: the ring has ruled that another process is this node; "
    "this one serves no more: stop it and destroy the copy";

}  // namespace

IdentityGuard::IdentityGuard(const NodeId& self, std::uint64_t life,
                             std::vector<std::uint64_t> lives, const Dispute& dispute)
    : self_(self), life_(life), lives_(std::move(lives)), dispute_(dispute) {
  Judge();
}

bool IdentityGuard::IsOwn(std::uint64_t life) const {
  return life == 0 || life == life_ ||
         std::find(lives_.begin(), lives_.end(), life) != lives_.end();
}

bool IdentityGuard::HandleState(const ClusterState& state) {
  const Member* member = state.FindMember(self_);
  if (member == nullptr || member->life == BootId{}) return false;
  const bool was_refused = refused();
  if (member->life.id == life_) {
    verdict_ = Verdict::kPresent;
  } else {
    verdict_ = IsOwn(member->life.id) ? Verdict::kOwn : Verdict::kRuledOut;
  }
  if (verdict_ != Verdict::kRuledOut) dispute_ = {};
  Judge();
  return was_refused != refused();
}

void IdentityGuard::Judge() {
  refusal_ = verdict_ == Verdict::kRuledOut ? kRuledOut : dispute_.open ? kDisputed : "";
}

IdentityGuard::Advice IdentityGuard::HearOfOther(const BootId& other) {
  switch (verdict_) {
    case Verdict::kRuledOut:
      return Advice::kNothing;
    case Verdict::kOwn:
      return Advice::kContend;
    case Verdict::kPresent:
      return Advice::kInsist;
    case Verdict::kNone:
      break;
  }
  if (dispute_.open || (other.id != 0 && IsOwn(other.id))) return Advice::kNothing;
  dispute_ = {.other = other, .open = true};
  Judge();
  return Advice::kSilence;
}

StatusOr<ClusterState> WithLife(const ClusterState& state, const NodeId& node, const BootId& life) {
  if (life.counter == 0 || life.id == 0) return InvalidArgument("a life that is not known");
  const auto index = state.IndexOf(node);
  if (!index) return NotFound("no member {}", node);
  const Member& member = state.members[*index];
  if (member.life.counter >= life.counter) {
    return AlreadyExists("a life of {} is ruled already", member.name);
  }
  ClusterState next = NextVersionOf(
      state, fmt::format("two ran as {}: its start number {} counts", member.name, life.counter));
  next.members[*index].life = life;
  return next;
}

}  // namespace carillon
