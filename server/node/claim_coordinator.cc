#include "server/node/claim_coordinator.h"

#include <algorithm>
#include <bit>

#include "ring/hash_ring.h"
#include "server/node/request_checks.h"

namespace carillon {
namespace {

// A claim that expires sooner may have expired at a home whose clock is ahead.
constexpr std::uint64_t kHelpsUntilSeconds = 10;

std::uint32_t CountOf(std::uint16_t mask) {
  return static_cast<std::uint32_t>(std::popcount(mask));
}

}  // namespace

void ClaimCoordinator::Start(Outbox* out) {
  const Scene& scene = out->scene();
  Status valid = Validate(input_.order);
  const auto bucket = FindBucket(*scene.state, input_.order.bucket);
  if (valid.ok()) valid = bucket.status();
  if (!valid.ok()) {
    answered_ = true;
    return out->AnswerError(std::move(valid));
  }
  properties_ = **bucket;
  if (!claimed_at_) {
    claimed_at_ = scene.now_seconds();
    give_up_at_ = scene.time.now + kGiveUpAfter;
    if (input_.deadline) give_up_at_ = std::min(give_up_at_, *input_.deadline);
    out->WakeAt(give_up_at_);
  }
  expire_at_ = properties_.ttl_seconds == 0 ? 0 : *claimed_at_ + properties_.ttl_seconds;
  version_ = scene.state->version;
  wait_.End();
  Ask(out);
  for (std::uint32_t place = 0; place < claims_.size(); ++place) Judge(place, scene);
  Conclude(out);
}

std::uint16_t ClaimCoordinator::GroupOf(PartitionId partition, const Scene& scene) {
  const auto [known, fresh] =
      group_of_.try_emplace(partition, static_cast<std::uint16_t>(groups_.size()));
  if (!fresh) return known->second;
  const ClaimHomes homes =
      ClaimHomesOf(scene.state->placement[partition.value()], scene.RulesOf(input_.order.bucket));
  Group group{.homes = homes.voters.homes, .wanted = homes.voters.wanted};
  group.voters = static_cast<Mask>((1u << group.homes.size()) - 1);
  for (const Quorum& quorum : homes.next) {
    if (scene.mutations.new_homes_not_told) break;
    Mask mask = 0;
    for (const MemberIndex member : quorum.homes) {
      const auto found = std::find(group.homes.begin(), group.homes.end(), member);
      mask |= static_cast<Mask>(1u << (found - group.homes.begin()));
      if (found == group.homes.end()) group.homes.push_back(member);
    }
    group.next |= mask;
    group.knowing.push_back({.homes = mask, .wanted = quorum.wanted});
  }
  groups_.push_back(std::move(group));
  return known->second;
}

// Who seems to be away is not asked: nobody would wait for the answer.
void ClaimCoordinator::Ask(Outbox* out) {
  const Scene& scene = out->scene();
  claims_.assign(input_.order.ids.size(), Claim());
  groups_.clear();
  group_of_.clear();
  asked_.clear();
  to_vote_.clear();
  to_tell_.clear();
  open_ = claims_.size();
  for (std::uint32_t place = 0; place < claims_.size(); ++place) {
    Claim& claim = claims_[place];
    const ClaimId& id = input_.order.ids[place];
    claim.placed = {.id = id, .ring_position = ClaimPosition(input_.order.bucket, id)};
    const std::uint32_t bits = scene.state->partition_bits;
    const PartitionId partition(
        static_cast<std::uint16_t>(claim.placed.ring_position >> (16 - bits)));
    claim.group = GroupOf(partition, scene);
    const Group& group = groups_[claim.group];
    for (std::size_t i = 0; i < group.homes.size(); ++i) {
      const auto bit = static_cast<Mask>(1u << i);
      if ((group.voters & bit) == 0) continue;
      if (!scene.IsUp(group.homes[i])) {
        error_ = Unavailable("node {} seems to be away", scene.NodeOf(group.homes[i]).value());
        continue;
      }
      claim.waiting |= bit;
    }
    claim.later = claim.waiting;
    AskLead(place);
  }
  SendVotes(out);
}

// Of those that are left, the one whose turn it is.
void ClaimCoordinator::AskLead(std::uint32_t place) {
  Claim& claim = claims_[place];
  if (claim.later == 0) return;
  const int lead = std::countr_zero(claim.later);
  claim.later &= static_cast<Mask>(claim.later - 1);
  to_vote_[groups_[claim.group].homes[static_cast<std::size_t>(lead)]].own.push_back(place);
}

// One has voted: for `first`, or, if that is null, for the owner that asks. One that is contested
// helps nobody, nor does one that may have expired elsewhere.
void ClaimCoordinator::AskLater(std::uint32_t place, const OtherClaim* first, const Scene& scene) {
  Claim& claim = claims_[place];
  if (claim.later == 0) return;  // whom they help, if anybody, stays
  const std::vector<MemberIndex>& homes = groups_[claim.group].homes;
  const bool helps =
      first != nullptr && !first->owner.value().IsNil() &&
      (first->expire_at == 0 || first->expire_at > scene.now_seconds() + kHelpsUntilSeconds);
  Told whom;
  if (helps) {
    whom = {.owner = first->owner, .claimed_at = first->claimed_at};
    const auto voted =
        std::find_if(claim.others.begin(), claim.others.end(),
                     [&](const Vote& vote) { return vote.claim.owner == first->owner; });
    claim.helped = static_cast<std::uint8_t>(voted - claim.others.begin());
  }
  for (; claim.later != 0; claim.later &= static_cast<Mask>(claim.later - 1)) {
    Ballot& ballot = to_vote_[homes[static_cast<std::size_t>(std::countr_zero(claim.later))]];
    (helps ? ballot.helped[whom] : ballot.own).push_back(place);
  }
}

// Whether of all who vote next so many are among `homes` as must know what a vote came to.
bool ClaimCoordinator::AreEnough(const Group& group, Mask homes) {
  return std::all_of(group.knowing.begin(), group.knowing.end(), [homes](const Knowing& one) {
    return CountOf(homes & one.homes) >= one.wanted;
  });
}

ClaimSet ClaimCoordinator::SetOf(const Told& what, std::uint64_t expire_at,
                                 const Places& places) const {
  ClaimSet set{.owner = what.owner,
               .claimed_at = what.claimed_at,
               .expire_at = expire_at,
               .decided = what.settled,
               .claims = {}};
  set.claims.reserve(places.size());
  for (const std::uint32_t place : places) set.claims.push_back(claims_[place].placed);
  return set;
}

void ClaimCoordinator::SendVotes(Outbox* out) {
  if (to_vote_.empty()) return;
  for (auto& [member, ballot] : std::exchange(to_vote_, {})) {
    ReplicaClaims message{.bucket = input_.order.bucket,
                          .mode = ClaimMode::kVote,
                          .sync = properties_.sync,
                          .sets = {}};
    Asked asked{.member = member, .places = ballot.own};
    if (!ballot.own.empty()) {
      message.sets.push_back(
          SetOf({.owner = input_.order.owner, .claimed_at = *claimed_at_}, expire_at_, ballot.own));
    }
    for (const auto& [whom, places] : ballot.helped) {
      const Claim& any = claims_[places.front()];
      message.sets.push_back(SetOf(whom, any.others[*any.helped].claim.expire_at, places));
      asked.places.insert(asked.places.end(), places.begin(), places.end());
      asked.helped += places.size();
    }
    asked_.emplace(out->Claim(member, std::move(message)), std::move(asked));
  }
  turn_ends_at_ = out->scene().time.now + kTurn;
  out->WakeAt(turn_ends_at_);
}

ClaimCoordinator::Mask ClaimCoordinator::BitOf(const Claim& claim, MemberIndex member) const {
  const std::vector<MemberIndex>& homes = groups_[claim.group].homes;
  const auto found = std::find(homes.begin(), homes.end(), member);
  return found == homes.end() ? 0 : static_cast<Mask>(1u << (found - homes.begin()));
}

void ClaimCoordinator::BeginAgain(Outbox* out) {
  if (out->scene().state->version > version_) return Start(out);
  wait_.Begin(out);
}

void ClaimCoordinator::Handle(ClaimsDone done, Outbox* out) {
  const auto found = asked_.find(done.operation);
  if (found == asked_.end()) return;
  const Asked asked = std::move(found->second);
  asked_.erase(found);
  if (done.stale_ring && !answered_) return BeginAgain(out);
  if (!done.status.ok()) error_ = done.status;
  if (asked.tells) {
    HandleTold(asked, done);
  } else {
    HandleVotes(asked, done, out->scene());
  }
  for (const std::uint32_t place : asked.places) Judge(place, out->scene());
  SendVotes(out);
  SendTold(out);
  Conclude(out);
}

void ClaimCoordinator::HandleVotes(const Asked& asked, const ClaimsDone& done, const Scene& scene) {
  auto other = done.others.begin();
  for (std::uint32_t i = 0; i < asked.places.size(); ++i) {
    const std::uint32_t place = asked.places[i];
    Claim& claim = claims_[place];
    const Mask bit = BitOf(claim, asked.member);
    claim.waiting &= static_cast<Mask>(~bit);
    if (!done.status.ok()) {
      if (tells_more_) AskLead(place);
      continue;
    }
    while (other != done.others.end() && other->place < i) ++other;
    const bool has_other =
        other != done.others.end() && other->place == i && other->owner != input_.order.owner;
    const OtherClaim* found = has_other ? &*other : nullptr;
    const bool helped = i >= asked.places.size() - asked.helped &&
                        (other == done.others.end() || other->place != i);
    CountVote(&claim, bit, helped, found);
    if (tells_more_) AskLater(place, found, scene);
  }
}

// `helped`: for whom it was asked to vote in another owner's place.
void ClaimCoordinator::CountVote(Claim* claim, Mask bit, bool helped,
                                 const OtherClaim* other) const {
  if (helped) {
    claim->others[*claim->helped].by |= bit;
    return;
  }
  if (other == nullptr) {
    claim->own |= bit;
    return;
  }
  const auto same = std::find_if(claim->others.begin(), claim->others.end(), [&](const Vote& vote) {
    return vote.claim.owner == other->owner;
  });
  if (same != claim->others.end()) {
    same->by |= bit;
  } else {
    claim->others.push_back({.claim = *other, .by = bit});
  }
}

void ClaimCoordinator::HandleTold(const Asked& asked, const ClaimsDone& done) {
  auto other = done.others.begin();
  for (std::uint32_t i = 0; i < asked.places.size(); ++i) {
    Claim& claim = claims_[asked.places[i]];
    const Mask bit = BitOf(claim, asked.member);
    claim.telling &= static_cast<Mask>(~bit);
    while (other != done.others.end() && other->place < i) ++other;
    const bool has_other = other != done.others.end() && other->place == i;
    if (done.status.ok() && !has_other) claim.has |= bit;
  }
}

void ClaimCoordinator::Decide(Claim* claim, ClaimVerdict verdict, const OtherClaim& owner,
                              Mask by) const {
  claim->stage = Stage::kTelling;
  claim->verdict = verdict;
  claim->owner = owner.owner;
  claim->claimed_at = owner.claimed_at;
  claim->expire_at = owner.expire_at;
  claim->has = by;
}

void ClaimCoordinator::JudgeVotes(Claim* claim, const Scene& scene) const {
  const Group& group = groups_[claim->group];
  const OtherClaim own{
      .place = 0, .owner = input_.order.owner, .claimed_at = *claimed_at_, .expire_at = expire_at_};
  if (CountOf(claim->own) >= group.wanted) {
    return Decide(claim, ClaimVerdict::kMine, own, claim->own);
  }
  std::uint32_t most = CountOf(claim->own);
  for (const Vote& vote : claim->others) {
    if (vote.claim.owner.value().IsNil()) continue;  // contested: a vote for nobody
    const std::uint32_t votes = CountOf(vote.by);
    if (votes >= group.wanted || scene.mutations.taken_by_one) {
      return Decide(claim, ClaimVerdict::kTaken, vote.claim, vote.by);
    }
    most = std::max(most, votes);
  }
  if (most + CountOf(claim->waiting) >= group.wanted) return;
  claim->stage = Stage::kFinal;  // nobody can have enough any more
}

// Of a claim that has its votes. While homes change it is settled only when enough of those who
// vote next have it: until then a minority's vote that one of them has copied may still win among
// them, so what they are told is a copy like any other. Once it is settled nobody else can win, and
// all are told so.
void ClaimCoordinator::JudgeTold(std::uint32_t place, Claim* claim) {
  const Group& group = groups_[claim->group];
  const bool mine = claim->owner == input_.order.owner;
  Mask voted_so = mine ? claim->own : Mask{0};
  Mask voted_else = mine ? Mask{0} : claim->own;
  for (const Vote& vote : claim->others) {
    (vote.claim.owner == claim->owner ? voted_so : voted_else) |= vote.by;
  }
  claim->has |= voted_so;
  const Mask next = group.next;
  if (AreEnough(group, claim->has)) {
    if (claim->stage == Stage::kTelling) End(claim, claim->verdict);
    const auto whom = static_cast<Mask>((voted_else | next) & ~claim->settled);
    claim->settled |= whom;
    return Tell(place, *claim, whom, /*settled=*/true);
  }
  if (claim->stage != Stage::kTelling) return;
  const auto whom =
      static_cast<Mask>(next & ~claim->waiting & ~voted_else & ~claim->has & ~claim->told);
  claim->told |= whom;
  claim->telling |= whom;
  Tell(place, *claim, whom, /*settled=*/false);
  const Mask able = claim->has | claim->telling | claim->waiting;
  if (!AreEnough(group, able)) End(claim, ClaimVerdict::kUndecided);
}

void ClaimCoordinator::Judge(std::uint32_t place, const Scene& scene) {
  Claim& claim = claims_[place];
  const bool was_open = claim.stage != Stage::kFinal;
  if (claim.stage == Stage::kVoting) {
    JudgeVotes(&claim, scene);
    if (claim.stage == Stage::kFinal) End(&claim, ClaimVerdict::kUndecided);
  }
  if (claim.stage == Stage::kTelling || (!was_open && !claim.owner.value().IsNil())) {
    JudgeTold(place, &claim);
  }
}

void ClaimCoordinator::Tell(std::uint32_t place, const Claim& claim, Mask whom, bool settled) {
  if (!tells_more_) return;
  const std::vector<MemberIndex>& homes = groups_[claim.group].homes;
  for (std::size_t i = 0; i < homes.size(); ++i) {
    if ((whom >> i & 1) == 0) continue;
    to_tell_[homes[i]][{.owner = claim.owner, .claimed_at = claim.claimed_at, .settled = settled}]
        .push_back(place);
  }
}

void ClaimCoordinator::SendTold(Outbox* out) {
  for (auto& [member, sets] : std::exchange(to_tell_, {})) {
    ReplicaClaims message{.bucket = input_.order.bucket,
                          .mode = ClaimMode::kCopy,
                          .sync = properties_.sync,
                          .sets = {}};
    Asked asked{.member = member, .places = {}, .tells = true};
    for (const auto& [what, places] : sets) {
      message.sets.push_back(SetOf(what, claims_[places.front()].expire_at, places));
      asked.places.insert(asked.places.end(), places.begin(), places.end());
    }
    asked_.emplace(out->Claim(member, std::move(message)), std::move(asked));
  }
}

void ClaimCoordinator::End(Claim* claim, ClaimVerdict verdict) {
  claim->stage = Stage::kFinal;
  claim->verdict = verdict;
  --open_;
}

void ClaimCoordinator::HandleTime(Outbox* out) {
  if (answered_) return;
  const bool over = wait_.IsOver(out->scene());
  if (!over && out->scene().time.now < give_up_at_) return EndTurn(out);
  if (error_.ok()) error_ = over ? StateWait::Error() : Unavailable("too few homes voted in time");
  for (Claim& claim : claims_) {
    if (claim.stage != Stage::kFinal) End(&claim, ClaimVerdict::kUndecided);
  }
  Answer(out);
}

// Whoever is silent so long may be dying, and others would wait for it until they are told so.
void ClaimCoordinator::EndTurn(Outbox* out) {
  if (wait_.waits() || out->scene().time.now < turn_ends_at_) return;
  for (std::uint32_t place = 0; place < claims_.size(); ++place) AskLead(place);
  SendVotes(out);
}

void ClaimCoordinator::HandleNewState(Outbox* out) {
  if (!answered_) return Start(out);
  tells_more_ = false;
}

void ClaimCoordinator::Conclude(Outbox* out) {
  if (!answered_ && open_ == 0) Answer(out);
}

// When nothing at all could be decided because homes were away, another node may do better.
void ClaimCoordinator::Answer(Outbox* out) {
  answered_ = true;
  ClaimsAnswer answer;
  answer.verdicts.reserve(claims_.size());
  for (const Claim& claim : claims_) {
    answer.verdicts.push_back(claim.verdict);
    counts_.mine += claim.verdict == ClaimVerdict::kMine ? 1 : 0;
    counts_.taken += claim.verdict == ClaimVerdict::kTaken ? 1 : 0;
    counts_.undecided += claim.verdict == ClaimVerdict::kUndecided ? 1 : 0;
  }
  if (counts_.undecided == claims_.size() && !error_.ok()) {
    return out->AnswerError(
        Unavailable("none of {} claims could be decided: {}", claims_.size(), Message(error_)));
  }
  out->AnswerWith(std::move(answer));
}

}  // namespace carillon
