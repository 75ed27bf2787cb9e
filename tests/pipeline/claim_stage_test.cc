#include "collector/pipeline/claim_stage.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace carillon {
namespace {

using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""s;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

using Ids = std::vector<int>;  // 0: an event without one

constexpr EventFate kStored = EventFate::kStored;
constexpr EventFate kDropped = EventFate::kDropped;
constexpr EventFate kCovered = EventFate::kCovered;
constexpr ClaimVerdict kMine = ClaimVerdict::kMine;
constexpr ClaimVerdict kTaken = ClaimVerdict::kTaken;
constexpr ClaimVerdict kUndecided = ClaimVerdict::kUndecided;

ClaimId IdOf(int number) {
  Uuid uuid;
  for (std::size_t i = 0; i < 4; ++i) {
    uuid.bytes[i] = static_cast<std::uint8_t>(number >> (24 - 8 * i));
  }
  return ClaimId(uuid);
}
ClaimOwner OwnerOf(int group) {
  return ClaimOwner(IdOf(1'000'000 + group).value());
}

// The test is the ring: it sees the calls and says what they come to.
class ClaimStageTest : public ::testing::Test {
 protected:
  // So many calls at once from the start.
  ClaimStageTest() { Restart({.tenant_calls = {.first = 32}}); }
  void Restart(ClaimLimits limits) {
    limits_ = limits;
    stage_ = std::make_unique<ClaimStage>(limits);
    effects_ = {};
  }

  // A request of `tenant` in `group`. Its number.
  std::uint64_t Add(int group, const Ids& ids, const std::string& tenant = "acme",
                    std::vector<EventFate> fates = {}, std::uint64_t seconds = 3600) {
    auto claims = std::make_shared<EventClaims>();
    claims->tenant = tenant;
    claims->seconds = seconds;
    claims->owner = OwnerOf(group);
    for (const int id : ids) claims->ids.push_back(IdOf(id));
    stage_->Add({++number_, bytes_, std::move(claims), std::move(fates)}, now_, &effects_);
    return number_;
  }
  void EndGroup(int group) { stage_->EndGroup(OwnerOf(group), now_, &effects_); }
  std::uint64_t AddGroup(int group, const Ids& ids, const std::string& tenant = "acme") {
    const std::uint64_t number = Add(group, ids, tenant);
    EndGroup(group);
    return number;
  }

  // Of the call with this place in effects_.
  void Answer(std::size_t call, const StatusOr<std::vector<ClaimVerdict>>& verdicts) {
    const ClaimCallId id = effects_.calls.at(call).id;
    stage_->HandleCall(id, verdicts, now_, &effects_);
  }
  void AnswerAll(std::size_t call, ClaimVerdict verdict) {
    Answer(call, std::vector<ClaimVerdict>(effects_.calls.at(call).ids.size(), verdict));
  }
  void Advance(Duration time) {
    const Instant until = now_ + time;
    while (stage_->Deadline() && *stage_->Deadline() <= until) {
      now_ = std::max(now_, *stage_->Deadline());
      stage_->Tick(now_, &effects_);
    }
    now_ = until;
  }

  bool IsReleased(std::uint64_t number) const { return Find(number) != nullptr; }
  std::vector<EventFate> FatesOf(std::uint64_t number) const {
    const ReleasedRequest* released = Find(number);
    return released == nullptr ? std::vector<EventFate>() : released->fates;
  }
  ClaimCounts CountsOf(const std::string& tenant) const {
    ClaimCounts sum;
    for (const auto& [name, counts] : effects_.counts) {
      if (name == tenant) sum.Add(counts);
    }
    return sum;
  }
  std::uint64_t UncheckedOf(const std::string& tenant, Unchecked reason) const {
    return CountsOf(tenant).unchecked[static_cast<std::size_t>(reason)];
  }
  const ReleasedRequest* Find(std::uint64_t number) const {
    for (const ReleasedRequest& released : effects_.released) {
      if (released.number == number) return &released;
    }
    return nullptr;
  }

  ClaimLimits limits_;
  std::unique_ptr<ClaimStage> stage_;
  ClaimEffects effects_;
  Instant now_ = Instant() + 1000s;
  std::uint64_t number_ = 0;
  std::size_t bytes_ = 100;
};

TEST_F(ClaimStageTest, AsksForAGroupOnlyWhenItHasEnded) {
  Add(1, {7});
  Add(1, {8, 9});
  EXPECT_THAT(effects_.calls, IsEmpty());
  EndGroup(1);
  ASSERT_THAT(effects_.calls, SizeIs(1));
  EXPECT_EQ(effects_.calls[0].owner, OwnerOf(1));
  EXPECT_EQ(effects_.calls[0].seconds, 3600u);
  EXPECT_THAT(effects_.calls[0].ids, ElementsAre(IdOf(7), IdOf(8), IdOf(9)));
  EXPECT_THAT(effects_.released, IsEmpty());
}

TEST_F(ClaimStageTest, DropsWhatIsTakenAndStoresWhatIsMine) {
  const std::uint64_t first = Add(1, {7, 8});
  const std::uint64_t second = Add(1, {9});
  EndGroup(1);
  Answer(0, std::vector{kMine, kTaken, kTaken});
  EXPECT_THAT(FatesOf(first), ElementsAre(kStored, kDropped));
  EXPECT_THAT(FatesOf(second), ElementsAre(kDropped));
  EXPECT_EQ(CountsOf("acme"), (ClaimCounts{.checked = 3, .duplicates = 2}));
}

TEST_F(ClaimStageTest, EventsWithoutAnIdAreNotClaimed) {
  const std::uint64_t request = AddGroup(1, {0, 7, 0});
  EXPECT_THAT(effects_.calls[0].ids, ElementsAre(IdOf(7)));
  AnswerAll(0, kTaken);
  EXPECT_THAT(FatesOf(request), ElementsAre(kStored, kDropped, kStored));
}

TEST_F(ClaimStageTest, TheFirstOfAnIdInARequestStays) {
  const std::uint64_t request = AddGroup(1, {7, 8, 7, 7});
  EXPECT_THAT(effects_.calls[0].ids, SizeIs(2));
  AnswerAll(0, kMine);
  EXPECT_THAT(FatesOf(request), ElementsAre(kStored, kStored, kDropped, kDropped));
  EXPECT_EQ(CountsOf("acme"), (ClaimCounts{.checked = 4, .duplicates = 2}));
}

TEST_F(ClaimStageTest, TheFirstOfAnIdInAGroupStays) {
  const std::uint64_t first = Add(1, {8, 7});
  const std::uint64_t second = Add(1, {7});
  EndGroup(1);
  AnswerAll(0, kMine);
  EXPECT_THAT(FatesOf(first), ElementsAre(kStored, kStored));
  EXPECT_THAT(FatesOf(second), ElementsAre(kDropped));
}

TEST_F(ClaimStageTest, TheFirstInAGroupStaysAlsoWhenNothingIsSaidOfIt) {
  const std::uint64_t first = Add(1, {7});
  const std::uint64_t second = Add(1, {7});
  EndGroup(1);
  Advance(limits_.deadline);
  EXPECT_THAT(FatesOf(first), ElementsAre(kStored));
  EXPECT_THAT(FatesOf(second), ElementsAre(kDropped));
  EXPECT_EQ(UncheckedOf("acme", Unchecked::kLate), 1u);
}

TEST_F(ClaimStageTest, WhatTheOutboxHasIsTheFirstOfItsIdAfterACrash) {
  Add(1, {7}, "acme", {kCovered});
  const std::uint64_t second = Add(1, {7});
  EndGroup(1);
  EXPECT_THAT(effects_.calls, IsEmpty());
  EXPECT_THAT(FatesOf(second), ElementsAre(kDropped));
}

TEST_F(ClaimStageTest, WhatTheOutboxHasIsNotClaimedAgain) {
  const std::uint64_t request = Add(1, {7, 8}, "acme", {kCovered, kStored});
  EndGroup(1);
  EXPECT_THAT(effects_.calls[0].ids, ElementsAre(IdOf(8)));
  AnswerAll(0, kTaken);
  EXPECT_THAT(FatesOf(request), ElementsAre(kCovered, kDropped));
  EXPECT_EQ(CountsOf("acme"), (ClaimCounts{.checked = 1, .duplicates = 1}));
}

TEST_F(ClaimStageTest, TenantsOfAGroupAskByThemselves) {
  const std::uint64_t acme = Add(1, {7}, "acme");
  const std::uint64_t other = Add(1, {7}, "other");
  EndGroup(1);
  ASSERT_THAT(effects_.calls, SizeIs(2));
  AnswerAll(1, kMine);
  EXPECT_FALSE(IsReleased(acme));
  EXPECT_THAT(FatesOf(other), ElementsAre(kStored));
}

TEST_F(ClaimStageTest, LifetimesAskByThemselves) {
  Add(1, {7}, "acme", {}, 3600);
  Add(1, {7}, "acme", {}, 60);
  EndGroup(1);
  ASSERT_THAT(effects_.calls, SizeIs(2));
  EXPECT_EQ(effects_.calls[0].seconds + effects_.calls[1].seconds, 3660u);
}

TEST_F(ClaimStageTest, ManyIdsTakeSeveralCalls) {
  limits_.max_ids = 3;
  Restart(limits_);
  const std::uint64_t request = AddGroup(1, {1, 2, 3, 4, 5, 6, 7});
  ASSERT_THAT(effects_.calls, SizeIs(3));
  for (const std::size_t call : {2, 0}) AnswerAll(call, kMine);
  EXPECT_FALSE(IsReleased(request));
  AnswerAll(1, kTaken);
  EXPECT_TRUE(IsReleased(request));
  EXPECT_EQ(CountsOf("acme"), (ClaimCounts{.checked = 7, .duplicates = 3}));
}

TEST_F(ClaimStageTest, GroupsGoOnInTheOrderOfTheirVerdicts) {
  const std::uint64_t first = AddGroup(1, {7});
  const std::uint64_t second = AddGroup(2, {8});
  AnswerAll(1, kMine);
  EXPECT_TRUE(IsReleased(second));
  EXPECT_FALSE(IsReleased(first));
}

TEST_F(ClaimStageTest, AsksAgainForWhatIsUndecided) {
  const std::uint64_t request = AddGroup(1, {7, 8});
  Answer(0, std::vector{kMine, kUndecided});
  EXPECT_THAT(effects_.calls, SizeIs(1));
  Advance(limits_.retry);
  ASSERT_THAT(effects_.calls, SizeIs(2));
  EXPECT_THAT(effects_.calls[1].ids, ElementsAre(IdOf(8)));
  AnswerAll(1, kTaken);
  EXPECT_THAT(FatesOf(request), ElementsAre(kStored, kDropped));
}

TEST_F(ClaimStageTest, AsksAgainAfterAnError) {
  const std::uint64_t request = AddGroup(1, {7});
  Answer(0, Unavailable("away"));
  Advance(limits_.retry);
  AnswerAll(1, kTaken);
  EXPECT_THAT(FatesOf(request), ElementsAre(kDropped));
}

TEST_F(ClaimStageTest, DoesNotAskAgainWhatWouldBeRefusedAgain) {
  const std::uint64_t request = AddGroup(1, {7});
  Answer(0, Unimplemented("an old node"));
  EXPECT_THAT(FatesOf(request), ElementsAre(kStored));
  EXPECT_EQ(UncheckedOf("acme", Unchecked::kLate), 1u);
}

TEST_F(ClaimStageTest, AnAnswerOfAnotherSizeIsAnError) {
  const std::uint64_t request = AddGroup(1, {7, 8});
  Answer(0, std::vector{kTaken});
  EXPECT_FALSE(IsReleased(request));
  Advance(limits_.retry);
  EXPECT_THAT(effects_.calls, SizeIs(2));
}

TEST_F(ClaimStageTest, WaitsLongerEachTimeUntilItAsksAgain) {
  AddGroup(1, {7});
  std::vector<Duration> waits;
  for (int i = 0; i < 4; ++i) {
    Answer(effects_.calls.size() - 1, Unavailable("away"));
    waits.push_back(*stage_->Deadline() - now_);
    Advance(waits.back());
  }
  EXPECT_THAT(waits, ElementsAre(50ms, 100ms, 200ms, 400ms));
}

TEST_F(ClaimStageTest, WhatStaysUndecidedGoesOnUnchecked) {
  const std::uint64_t request = AddGroup(1, {7, 8});
  Answer(0, std::vector{kTaken, kUndecided});
  std::size_t call = 1;
  while (!IsReleased(request)) {
    Advance(10ms);
    for (; call < effects_.calls.size(); ++call) AnswerAll(call, kUndecided);
  }
  EXPECT_GT(call, 4u);
  EXPECT_THAT(FatesOf(request), ElementsAre(kDropped, kStored));
  EXPECT_EQ(UncheckedOf("acme", Unchecked::kUndecided), 1u);
  EXPECT_EQ(CountsOf("acme").checked, 1u);
}

TEST_F(ClaimStageTest, WithoutAnAnswerItGoesOnUncheckedAtTheDeadline) {
  const std::uint64_t request = AddGroup(1, {7, 0, 8});
  Advance(limits_.deadline - 1ms);
  EXPECT_FALSE(IsReleased(request));
  Advance(1ms);
  EXPECT_THAT(FatesOf(request), ElementsAre(kStored, kStored, kStored));
  EXPECT_EQ(UncheckedOf("acme", Unchecked::kLate), 2u);
  EXPECT_EQ(stage_->waiting_bytes(), 0u);
}

TEST_F(ClaimStageTest, AnAnswerAfterTheDeadlineChangesNothing) {
  AddGroup(1, {7});
  Advance(limits_.deadline);
  const std::size_t released = effects_.released.size();
  AnswerAll(0, kTaken);
  AnswerAll(0, kTaken);
  EXPECT_THAT(effects_.released, SizeIs(released));
  EXPECT_EQ(stage_->calls(), 0u);
}

TEST_F(ClaimStageTest, ATenantWhoseClaimsAreStuckDelaysNoOther) {
  std::size_t call = 0;
  for (int group = 1; group <= 500; ++group) {
    Add(group, {group}, "stuck", {}, 60);
    const std::uint64_t other = Add(group, {group}, "other", {}, 3600);
    EndGroup(group);
    for (; call < effects_.calls.size(); ++call) {
      if (effects_.calls[call].seconds == 3600) AnswerAll(call, kMine);
    }
    ASSERT_THAT(FatesOf(other), ElementsAre(kStored)) << group;
    Advance(10ms);
  }
  EXPECT_EQ(CountsOf("other"), (ClaimCounts{.checked = 500}));
  EXPECT_GT(UncheckedOf("stuck", Unchecked::kLate), 100u);
  EXPECT_GT(UncheckedOf("stuck", Unchecked::kResting), 100u);
}

TEST_F(ClaimStageTest, ATenantHasSoManyCallsAtOnceAndOthersTakeTurns) {
  limits_.tenant_calls = {.first = 2, .max = 2};
  limits_.max_calls = 5;
  Restart(limits_);
  for (int group = 1; group <= 4; ++group) {
    for (const char* tenant : {"a", "b", "c"}) Add(group, {group}, tenant);
    EndGroup(group);
  }
  EXPECT_THAT(effects_.calls, SizeIs(5));
  std::map<ClaimOwner, int> of_group;
  for (const ClaimCall& call : effects_.calls) ++of_group[call.owner];
  EXPECT_EQ(of_group[OwnerOf(1)], 3);
  EXPECT_EQ(of_group[OwnerOf(2)], 2);
  for (std::size_t call = 0; call < effects_.calls.size(); ++call) AnswerAll(call, kMine);
  EXPECT_THAT(effects_.calls, SizeIs(12));
  EXPECT_THAT(effects_.released, SizeIs(12));
  EXPECT_EQ(stage_->tenants(), 0u);
}

TEST_F(ClaimStageTest, AsksLessAtOnceOfARingThatIsBehind) {
  limits_.tenant_calls = {.first = 4, .quick = 100ms};
  Restart(limits_);
  for (int group = 1; group <= 20; ++group) AddGroup(group, {group});
  ASSERT_THAT(effects_.calls, SizeIs(4));
  now_ += 101ms;
  for (std::size_t call = 0; call < 4; ++call) AnswerAll(call, kMine);
  EXPECT_THAT(effects_.calls, SizeIs(4 + 2));
  for (std::size_t call = 4; call < effects_.calls.size(); ++call) AnswerAll(call, kMine);
  EXPECT_THAT(effects_.released, SizeIs(20));
}

TEST_F(ClaimStageTest, WhatATenantHasTooMuchOfGoesOnAtOnce) {
  limits_.max_tenant_bytes = 250;
  Restart(limits_);
  Add(1, {1});
  Add(1, {2});
  const std::uint64_t third = Add(1, {3, 0});
  EXPECT_THAT(FatesOf(third), ElementsAre(kStored, kStored));
  EXPECT_EQ(UncheckedOf("acme", Unchecked::kFull), 1u);
  Add(1, {3}, "other");
  EXPECT_THAT(effects_.released, SizeIs(1));
}

TEST_F(ClaimStageTest, WhatAllHaveTooMuchOfGoesOnAtOnce) {
  limits_.max_bytes = 250;
  Restart(limits_);
  Add(1, {1}, "a");
  Add(1, {2}, "b");
  Add(1, {3}, "c");
  EXPECT_EQ(UncheckedOf("c", Unchecked::kFull), 1u);
  EndGroup(1);
  AnswerAll(0, kMine);
  Add(2, {3}, "c");
  EXPECT_EQ(UncheckedOf("c", Unchecked::kFull), 1u);
}

TEST_F(ClaimStageTest, AfterManyGroupsWithoutAWordItAsksNoMoreForAWhile) {
  for (std::uint32_t group = 0; group < limits_.breaker.failures; ++group) {
    AddGroup(static_cast<int>(group), {1});
  }
  Advance(limits_.deadline);
  const std::size_t calls = effects_.calls.size();
  const std::uint64_t request = AddGroup(50, {1});
  EXPECT_TRUE(IsReleased(request));
  EXPECT_EQ(UncheckedOf("acme", Unchecked::kResting), 1u);
  EXPECT_THAT(effects_.calls, SizeIs(calls));

  Advance(limits_.breaker.rest);
  const std::uint64_t trying = AddGroup(51, {1});
  const std::uint64_t meanwhile = AddGroup(52, {2});
  EXPECT_TRUE(IsReleased(meanwhile));
  ASSERT_THAT(effects_.calls, SizeIs(calls + 1));
  AnswerAll(calls, kTaken);
  EXPECT_THAT(FatesOf(trying), ElementsAre(kDropped));
  AddGroup(53, {3});
  EXPECT_THAT(effects_.calls, SizeIs(calls + 2));
}

TEST_F(ClaimStageTest, AFewIdsThatStayUndecidedAreNoReasonToRest) {
  for (int group = 1; group <= 20; ++group) {
    AddGroup(group, {group, 1000});
    Answer(effects_.calls.size() - 1, std::vector{kMine, kUndecided});
  }
  Advance(limits_.deadline);
  EXPECT_EQ(CountsOf("acme").AllUnchecked(), 20u);
  const std::size_t calls = effects_.calls.size();
  AddGroup(21, {21});
  EXPECT_THAT(effects_.calls, SizeIs(calls + 1));
}

TEST_F(ClaimStageTest, AnUnknownGroupEndsWithoutEffect) {
  EndGroup(9);
  EXPECT_THAT(effects_.calls, IsEmpty());
  EXPECT_FALSE(stage_->Deadline().has_value());
}

TEST_F(ClaimStageTest, KeepsNothingOfTenantsThatAreIdle) {
  for (int tenant = 0; tenant < 1000; ++tenant) Add(1, {7}, fmt::format("tenant-{}", tenant));
  EXPECT_EQ(stage_->tenants(), 1000u);
  EndGroup(1);
  for (std::size_t call = 0; call < effects_.calls.size(); ++call) AnswerAll(call, kMine);
  EXPECT_EQ(stage_->tenants(), 0u);
  EXPECT_FALSE(stage_->Deadline().has_value());
}

TEST_F(ClaimStageTest, SaysHowLongCallsTook) {
  AddGroup(1, {7});
  now_ += 30ms;
  AnswerAll(0, kMine);
  EXPECT_THAT(effects_.answered, ElementsAre(Duration(30ms)));
}

}  // namespace
}  // namespace carillon
