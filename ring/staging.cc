#include "ring/staging.h"

#include <algorithm>

#include "base/chunk_key.h"
#include "ring/member_index.h"

namespace carillon {
namespace {

using Kind = StagedChange::Kind;

Status CheckAddress(const std::string& address) {
  if (!address.empty() && address.size() <= kMaxAddressBytes) return OkStatus();
  return InvalidArgument("address of {} bytes, want 1..{}", address.size(), kMaxAddressBytes);
}

Status CheckWeight(std::uint32_t weight) {
  if (weight <= kMaxWeight) return OkStatus();
  return InvalidArgument("weight {}, want 0..{}", weight, kMaxWeight);
}

Status CheckNew(const ClusterState& state, const Member& member) {
  for (const Member& other : state.members) {
    if (other.node == member.node) {
      return AlreadyExists("node {} is {} at {} already", member.node, other.name, other.address);
    }
    if (other.name == member.name) {
      return AlreadyExists("the name {} is taken by node {}", member.name, other.node);
    }
    if (other.address == member.address) {
      return AlreadyExists("the address {} is taken by {}", member.address, other.name);
    }
  }
  return OkStatus();
}

// Of a node, and what it is replaced by, only what is of use for the kind.
StagedChange Canonical(const StagedChange& change) {
  StagedChange kept{.kind = change.kind};
  if (change.kind != Kind::kSplit && change.kind != Kind::kRebalance) kept.node = change.node;
  if (change.kind == Kind::kReplace) kept.other = change.other;
  if (change.kind == Kind::kWeight) kept.weight = change.weight;
  if (change.kind == Kind::kRack) kept.rack = change.rack;
  return kept;
}

bool Goes(const StagedChange& change, const NodeId& node) {
  return change.node == node && (change.kind == Kind::kLeave || change.kind == Kind::kReplace ||
                                 change.kind == Kind::kRemove);
}

Status CheckGoing(const ClusterState& state, const Member& member) {
  if (member.role != MemberRole::kNormal) {
    return FailedPrecondition("{} is {}, only a normal member can go", member.name,
                              ToString(member.role));
  }
  for (const StagedChange& other : state.staged) {
    if (Goes(other, member.node)) {
      return FailedPrecondition("{} is staged to go already: {}", member.name,
                                ToString(other.kind));
    }
  }
  return OkStatus();
}

Status CheckReplacement(const ClusterState& state, const StagedChange& change) {
  const Member* other = state.FindMember(change.other);
  if (other == nullptr) return NotFound("no member {}", change.other);
  if (other->role != MemberRole::kJoining) {
    return FailedPrecondition("{} is {}, a replacement must be joining", other->name,
                              ToString(other->role));
  }
  for (const StagedChange& staged : state.staged) {
    if (staged.kind == Kind::kReplace && staged.other == change.other) {
      return FailedPrecondition("{} is staged to replace another already", other->name);
    }
  }
  return OkStatus();
}

Status CheckJoin(const ClusterState& state, const Member& member) {
  if (member.role != MemberRole::kJoining) {
    return FailedPrecondition("{} is {}, it has joined already", member.name,
                              ToString(member.role));
  }
  for (const StagedChange& staged : state.staged) {
    if (staged.kind == Kind::kReplace && staged.other == member.node) {
      return FailedPrecondition("{} is staged to replace another already", member.name);
    }
  }
  return OkStatus();
}

Status CheckSplit(const ClusterState& state) {
  if (state.partition_bits < kMaxPartitionBits) return OkStatus();
  return FailedPrecondition("{} partitions are the most there can be", state.partitions());
}

Status CheckStaged(const ClusterState& state, const StagedChange& change) {
  if (change.kind == Kind::kSplit) return CheckSplit(state);
  if (change.kind == Kind::kRebalance) return OkStatus();
  const Member* member = state.FindMember(change.node);
  if (member == nullptr) return NotFound("no member {}", change.node);
  switch (change.kind) {
    case Kind::kJoin:
      return CheckJoin(state, *member);
    case Kind::kReplace:
      RETURN_IF_ERROR(CheckReplacement(state, change));
      return CheckGoing(state, *member);
    case Kind::kLeave:
    case Kind::kRemove:
      return CheckGoing(state, *member);
    case Kind::kWeight:
      RETURN_IF_ERROR(CheckWeight(change.weight));
      break;
    case Kind::kRack:
      RETURN_IF_ERROR(CheckName("rack", change.rack));
      break;
    case Kind::kSplit:
    case Kind::kRebalance:
      break;
  }
  if (member->role != MemberRole::kLeaving) return OkStatus();
  return FailedPrecondition("{} is leaving", member->name);
}

// What `change` takes the place of.
bool Supersedes(const StagedChange& change, const StagedChange& earlier) {
  if (change.kind == Kind::kReplace) {
    return earlier.kind == Kind::kJoin && earlier.node == change.other;
  }
  const bool sets = change.kind == Kind::kWeight || change.kind == Kind::kRack;
  return sets && earlier.kind == change.kind && earlier.node == change.node;
}

std::string NameOf(const ClusterState& state, const NodeId& node) {
  const Member* member = state.FindMember(node);
  return member == nullptr ? "" : " " + member->name;
}

}  // namespace

bool IsMember(const ClusterState& state, const Member& member) {
  const Member* found = state.FindMember(member.node);
  return found != nullptr && found->name == member.name && found->address == member.address;
}

StatusOr<ClusterState> WithJoining(const ClusterState& state, Member member) {
  if (member.node.value().IsNil()) return InvalidArgument("a member without a node id");
  RETURN_IF_ERROR(CheckName("member name", member.name));
  RETURN_IF_ERROR(CheckName("rack", member.rack));
  RETURN_IF_ERROR(CheckAddress(member.address));
  RETURN_IF_ERROR(CheckWeight(member.weight));
  if (IsMember(state, member)) return AlreadyExists("{} is a member already", member.name);
  RETURN_IF_ERROR(CheckNew(state, member));
  if (state.members.size() >= kMaxMembers || state.staged.size() >= kMaxStagedChanges) {
    return ResourceExhausted("{} members and {} staged changes, at most {} and {}",
                             state.members.size(), state.staged.size(), kMaxMembers,
                             kMaxStagedChanges);
  }
  ClusterState next = NextVersionOf(state, fmt::format("{} joins", member.name));
  member.role = MemberRole::kJoining;
  next.staged.push_back({.kind = Kind::kJoin, .node = member.node});
  next.plan.reset();
  InsertMember(&next, std::move(member));
  return next;
}

StatusOr<ClusterState> WithAddress(const ClusterState& state, const NodeId& node,
                                   const std::string& address) {
  RETURN_IF_ERROR(CheckAddress(address));
  const auto index = state.IndexOf(node);
  if (!index) return NotFound("no member {}", node);
  const Member& member = state.members[*index];
  if (member.address == address) return AlreadyExists("{} is at {} already", member.name, address);
  for (const Member& other : state.members) {
    if (other.address == address) {
      return AlreadyExists("the address {} is taken by {}", address, other.name);
    }
  }
  ClusterState next = NextVersionOf(state, fmt::format("{} is at {}", member.name, address));
  next.members[*index].address = address;
  return next;
}

StatusOr<ClusterState> WithStaged(const ClusterState& state, const StagedChange& wanted) {
  const StagedChange change = Canonical(wanted);
  const std::string what = fmt::format("{}{}", ToString(change.kind), NameOf(state, change.node));
  if (std::find(state.staged.begin(), state.staged.end(), change) != state.staged.end()) {
    return AlreadyExists("{} is staged already", what);
  }
  RETURN_IF_ERROR(CheckStaged(state, change));
  ClusterState next = NextVersionOf(state, fmt::format("staged: {}", what));
  std::erase_if(next.staged,
                [&](const StagedChange& earlier) { return Supersedes(change, earlier); });
  if (next.staged.size() >= kMaxStagedChanges) {
    return ResourceExhausted("{} staged changes are the most there can be", kMaxStagedChanges);
  }
  next.staged.push_back(change);
  next.plan.reset();
  const std::vector<Member> members = MembersWhenCommitted(next);
  if (std::none_of(members.begin(), members.end(),
                   [](const Member& member) { return member.role == MemberRole::kNormal; })) {
    return FailedPrecondition("{} would leave no normal member", what);
  }
  return next;
}

StatusOr<ClusterState> WithStagedCleared(const ClusterState& state) {
  if (state.staged.empty() && !state.plan) return FailedPrecondition("nothing is staged");
  ClusterState next = NextVersionOf(state, "staged changes cleared");
  next.staged.clear();
  next.plan.reset();
  return next;
}

StatusOr<ClusterState> WithMemberForgotten(const ClusterState& state, const NodeId& node) {
  const auto index = state.IndexOf(node);
  if (!index) return NotFound("no member {}", node);
  const Member& member = state.members[*index];
  const bool has_left = member.role == MemberRole::kLeaving && !OwnsOrWillOwn(state, *index);
  if (member.role != MemberRole::kJoining && !has_left) {
    return FailedPrecondition(
        "{} is {}: only a joining member can be forgotten, or a leaving one "
        "that owns nothing any more",
        member.name, ToString(member.role));
  }
  ClusterState next = NextVersionOf(state, fmt::format("{} forgotten", member.name));
  EraseMember(&next, *index);
  return next;
}

StatusOr<ClusterState> WithDeadReplaced(const ClusterState& state, const StagedChange& replace) {
  ASSIGN_OR_RETURN(const ClusterState weightless,
                   WithStaged(state, {.kind = Kind::kWeight, .node = replace.node, .weight = 0}));
  ASSIGN_OR_RETURN(ClusterState next, WithStaged(weightless, replace));
  next.version = weightless.version;  // both in one
  next.previous = weightless.previous;
  return next;
}

std::vector<Member> MembersWhenCommitted(const ClusterState& state) {
  std::vector<Member> members = state.members;
  const auto at = [&](const NodeId& node) -> Member& { return members[*state.IndexOf(node)]; };
  for (const StagedChange& change : state.staged) {
    switch (change.kind) {
      case Kind::kJoin:
        at(change.node).role = MemberRole::kNormal;
        break;
      case Kind::kReplace:
        at(change.other).role = MemberRole::kNormal;
        at(change.node).role = MemberRole::kLeaving;
        break;
      case Kind::kLeave:
        at(change.node).role = MemberRole::kLeaving;
        break;
      case Kind::kRemove:
        at(change.node).role = MemberRole::kLeaving;
        at(change.node).weight = 0;
        break;
      case Kind::kWeight:
        at(change.node).weight = change.weight;
        break;
      case Kind::kRack:
        at(change.node).rack = change.rack;
        break;
      case Kind::kSplit:
      case Kind::kRebalance:
        break;
    }
  }
  return members;
}

}  // namespace carillon
