#include "collector/pipeline/send_schedule.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace carillon {
namespace {

using std::chrono_literals::operator""h;
using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""s;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr std::uint64_t kNow = 1'700'000'000;

class SendScheduleTest : public ::testing::Test {
 protected:
  SendTime Time() const {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now_.time_since_epoch());
    return {now_, kNow - 1000 + static_cast<std::uint64_t>(seconds.count())};
  }
  void Add(std::uint64_t id, const std::string& tenant = "acme", std::uint64_t age = 0,
           std::uint64_t bytes = 100'000) {
    schedule_.Add({.id = OutboxId(id),
                   .tenant = tenant,
                   .bucket = "events",
                   .epoch = Epoch(Time().wall_seconds - age),
                   .bytes = bytes,
                   .commit_at = now_,
                   .expires = now_ + 24h},
                  Time());
  }
  SendEffects Tick() {
    SendEffects effects;
    schedule_.Tick(Time(), &effects);
    return effects;
  }
  SendEffects Put(std::uint64_t id, const Status& status) {
    SendEffects effects;
    schedule_.HandlePut(OutboxId(id), status, Time(), &effects);
    return effects;
  }
  // The ids of the puts that start now.
  std::vector<std::uint64_t> Puts() {
    std::vector<std::uint64_t> ids;
    for (const ChunkToPut& put : Tick().puts) ids.push_back(put.id.value());
    return ids;
  }
  // What may go now is stored at once: live chunks of 100 kB, stale ones of 70 kB. False: nothing.
  bool SendAndCount(std::uint64_t* live_bytes, std::uint64_t* stale_bytes) {
    const std::vector<ChunkToPut> puts = Tick().puts;
    for (const ChunkToPut& put : puts) {
      *(put.live ? live_bytes : stale_bytes) += put.live ? 100'000 : 70'000;
      Put(put.id.value(), OkStatus());
    }
    return !puts.empty();
  }
  static void ExpectAFifth(std::uint64_t stale_bytes, std::uint64_t live_bytes) {
    const double share =
        static_cast<double>(stale_bytes) / static_cast<double>(live_bytes + stale_bytes);
    EXPECT_GT(share, 0.18);
    EXPECT_LE(share, 0.201);
  }
  void PassTo(Instant at) { now_ = std::max(now_, at); }

  SendLimits limits_{.max_puts = 4};
  Instant now_ = Instant(1000s);
  SendSchedule schedule_{limits_};
};

TEST_F(SendScheduleTest, CommitsTheChunksOfASecondTogetherWhenAllAreStored) {
  Add(1);
  Add(2);
  EXPECT_THAT(Puts(), ElementsAre(1, 2));
  Put(1, OkStatus());
  EXPECT_THAT(Tick().commits, IsEmpty());
  Put(2, OkStatus());
  const SendEffects effects = Tick();
  ASSERT_THAT(effects.commits, SizeIs(1));
  EXPECT_THAT(effects.commits[0].chunks, ElementsAre(OutboxId(1), OutboxId(2)));
  SendEffects after;
  schedule_.HandleCommit(effects.commits[0].id, OkStatus(), Time(), &after);
  EXPECT_THAT(after.committed, ElementsAre(OutboxId(1), OutboxId(2)));
  EXPECT_EQ(schedule_.chunks(), 0u);
  EXPECT_EQ(schedule_.Deadline(Time()), std::nullopt);
}

TEST_F(SendScheduleTest, ASlowPutDoesNotHoldUpTheCommitOfTheOthersForLong) {
  Add(1);
  Add(2, "slow");
  Puts();
  Put(1, OkStatus());
  EXPECT_THAT(Tick().commits, IsEmpty());
  EXPECT_EQ(schedule_.Deadline(Time()), now_ + limits_.commit_patience);
  PassTo(now_ + limits_.commit_patience);
  EXPECT_THAT(Tick().commits, SizeIs(1));
}

TEST_F(SendScheduleTest, TriesAgainForEverWithAGrowingDelay) {
  Add(1);
  Puts();
  Duration before = 0s;
  for (int attempt = 1; attempt < 20; ++attempt) {
    EXPECT_THAT(Put(1, Unavailable("away")).burials, IsEmpty());
    EXPECT_THAT(Puts(), IsEmpty());
    const Instant again = schedule_.Deadline(Time()).value();
    EXPECT_GE(again - now_, before / 2);
    EXPECT_LE(again - now_, limits_.max_delay);
    before = again - now_;
    PassTo(again);
    ASSERT_THAT(Puts(), ElementsAre(1));
  }
  EXPECT_GE(before, limits_.max_delay / 2);
}

TEST_F(SendScheduleTest, BuriesWhatIsRefusedForGoodAfterSomeTriesAndTheRestGoesOn) {
  Add(1);
  Puts();
  std::vector<ChunkToBury> burials;
  int tries = 1;
  for (; burials.empty(); ++tries) {
    burials = Put(1, InvalidArgument("no")).burials;
    if (!burials.empty()) break;
    PassTo(schedule_.Deadline(Time()).value());
    Puts();
  }
  EXPECT_EQ(tries, limits_.refusals);
  EXPECT_EQ(burials[0].reason.code(), StatusCode::kInvalidArgument);
  Add(2);
  EXPECT_THAT(Puts(), ElementsAre(2));
  schedule_.HandleBuried(OutboxId(1), OkStatus(), Time());
  EXPECT_EQ(schedule_.chunks(), 1u);
}

TEST_F(SendScheduleTest, TriesAgainWhatCouldNotBeBuried) {
  Add(1);
  Puts();
  for (int i = 1; i < limits_.refusals; ++i) {
    Put(1, NotFound("no bucket"));
    PassTo(schedule_.Deadline(Time()).value());
    Puts();
  }
  EXPECT_THAT(Put(1, NotFound("no bucket")).burials, SizeIs(1));
  schedule_.HandleBuried(OutboxId(1), ResourceExhausted("full"), Time());
  EXPECT_EQ(schedule_.Deadline(Time()), now_ + limits_.bury_again);
  PassTo(now_ + limits_.bury_again);
  EXPECT_THAT(Puts(), ElementsAre(1));
}

TEST_F(SendScheduleTest, BuriesWhatIsOlderThanItsLimit) {
  Add(1);
  Puts();
  PassTo(now_ + 25h);
  EXPECT_THAT(Put(1, Unavailable("away")).burials, SizeIs(1));
}

TEST_F(SendScheduleTest, AsksForAnotherNumberWhenItsOwnIsSomebodyElses) {
  Add(1);
  Puts();
  EXPECT_THAT(Put(1, AlreadyExists("other bytes")).renumberings, ElementsAre(OutboxId(1)));
  EXPECT_THAT(Puts(), IsEmpty());
  schedule_.HandleRenumbered(OutboxId(1), OkStatus(), Time());
  EXPECT_THAT(Puts(), ElementsAre(1));
  // Again: not at once.
  EXPECT_THAT(Put(1, AlreadyExists("other bytes")).renumberings, ElementsAre(OutboxId(1)));
  schedule_.HandleRenumbered(OutboxId(1), OkStatus(), Time());
  EXPECT_THAT(Puts(), IsEmpty());
  PassTo(schedule_.Deadline(Time()).value());
  EXPECT_THAT(Puts(), ElementsAre(1));
}

TEST_F(SendScheduleTest, PutsAgainWhatTheStoreDoesNotHaveWhenItCommits) {
  Add(1);
  Puts();
  Put(1, OkStatus());
  const CommitToSend commit = Tick().commits.at(0);
  SendEffects effects;
  schedule_.HandleCommit(commit.id, FailedPrecondition("not stored"), Time(), &effects);
  EXPECT_THAT(effects.committed, IsEmpty());
  PassTo(schedule_.Deadline(Time()).value());
  EXPECT_THAT(Puts(), ElementsAre(1));
}

TEST_F(SendScheduleTest, TriesACommitAgain) {
  Add(1);
  Puts();
  Put(1, OkStatus());
  const CommitToSend commit = Tick().commits.at(0);
  SendEffects effects;
  schedule_.HandleCommit(commit.id, Unavailable("away"), Time(), &effects);
  EXPECT_THAT(Tick().commits, IsEmpty());
  PassTo(schedule_.Deadline(Time()).value());
  EXPECT_THAT(Tick().commits, SizeIs(1));
}

TEST_F(SendScheduleTest, ACommitThatIsRefusedForGoodBuriesItsChunks) {
  Add(1);
  Puts();
  Put(1, OkStatus());
  SendEffects effects;
  for (int i = 0; i < limits_.refusals; ++i) {
    const CommitToSend commit = Tick().commits.at(0);
    schedule_.HandleCommit(commit.id, OutOfRange("too old"), Time(), &effects);
    if (const auto again = schedule_.Deadline(Time())) PassTo(*again);
  }
  EXPECT_THAT(effects.burials, SizeIs(1));
}

TEST_F(SendScheduleTest, OneBadChunkOfACommitDoesNotTakeTheOthersWithIt) {
  for (std::uint64_t id = 1; id <= 3; ++id) Add(id);
  Puts();
  for (std::uint64_t id = 1; id <= 3; ++id) Put(id, OkStatus());
  SendEffects effects;
  for (int i = 0; i < 5; ++i) {
    for (const CommitToSend& commit : Tick().commits) {
      const bool bad = std::count(commit.chunks.begin(), commit.chunks.end(), OutboxId(2)) > 0;
      schedule_.HandleCommit(commit.id, bad ? InvalidArgument("chunk 2") : OkStatus(), Time(),
                             &effects);
    }
  }
  EXPECT_THAT(effects.committed, ::testing::UnorderedElementsAre(OutboxId(1), OutboxId(3)));
  ASSERT_THAT(effects.burials, SizeIs(1));
  EXPECT_EQ(effects.burials[0].id, OutboxId(2));
}

TEST_F(SendScheduleTest, RepeatedAndUnknownAnswersChangeNothing) {
  Add(1);
  Puts();
  Put(1, OkStatus());
  Put(1, Unavailable("late"));
  Put(99, OkStatus());
  schedule_.HandleBuried(OutboxId(1), OkStatus(), Time());
  schedule_.HandleRenumbered(OutboxId(1), OkStatus(), Time());
  SendEffects effects;
  schedule_.HandleCommit(CommitId(77), OkStatus(), Time(), &effects);
  EXPECT_THAT(effects.committed, IsEmpty());
  EXPECT_THAT(Tick().commits, SizeIs(1));
}

TEST_F(SendScheduleTest, TenantsTakeTurns) {
  for (std::uint64_t i = 0; i < 20; ++i) Add(i, "large");
  Add(100, "small");
  const std::vector<std::uint64_t> first = Puts();
  EXPECT_THAT(first, ::testing::Contains(100));
  EXPECT_THAT(first, SizeIs(3));  // half for one, and the other's
}

TEST_F(SendScheduleTest, TheTurnGoesOnWhereItWas) {
  for (std::uint64_t i = 0; i < 3; ++i) {
    Add(10 + i, "a");
    Add(20 + i, "b");
    Add(30 + i, "c");
  }
  EXPECT_THAT(Puts(), ElementsAre(10, 20, 30, 11));
  for (const std::uint64_t id : {10, 20, 30, 11}) Put(id, OkStatus());
  EXPECT_THAT(Puts(), ElementsAre(21, 31, 12, 22));
}

TEST_F(SendScheduleTest, ATenantWhosePutsFailHasOneAtATime) {
  for (std::uint64_t i = 0; i < 20; ++i) Add(i, "stuck");
  Add(100, "fine");
  for (const std::uint64_t id : Puts()) Put(id, id < 100 ? Unavailable("quota") : OkStatus());
  for (int round = 0; round < 5; ++round) {
    PassTo(now_ + 1s);
    const std::vector<std::uint64_t> puts = Puts();
    EXPECT_THAT(puts, SizeIs(1));
    for (const std::uint64_t id : puts) Put(id, Unavailable("quota"));
  }
  Add(101, "fine");
  EXPECT_THAT(Puts(), ::testing::Contains(101));
}

TEST_F(SendScheduleTest, WhatNobodyThereCanTakeHoldsUpNothingAndIsTriedOnceAMinute) {
  for (std::uint64_t i = 1; i <= 8; ++i) Add(i);
  EXPECT_THAT(Puts(), ElementsAre(1, 2, 3, 4));
  Put(1, Unimplemented("it needs a dictionary"));
  Put(2, OkStatus());
  EXPECT_THAT(Puts(), ElementsAre(5, 6));
  for (const std::uint64_t id : {3, 4, 5, 6}) Put(id, OkStatus());
  EXPECT_THAT(Puts(), ElementsAre(7, 8));
  for (const std::uint64_t id : {7, 8}) Put(id, OkStatus());
  now_ += 59s;
  EXPECT_THAT(Puts(), ElementsAre());
  now_ += 1s;
  EXPECT_THAT(Puts(), ElementsAre(1));
}

TEST_F(SendScheduleTest, LiveChunksGoBeforeStaleOnes) {
  for (std::uint64_t i = 0; i < 10; ++i) Add(i, "acme", 600);
  for (std::uint64_t i = 10; i < 14; ++i) Add(i, "acme");
  // The first live one has earned a stale one its turn; that one has to be paid off first.
  EXPECT_THAT(Puts(), ElementsAre(10, 0, 11, 12));
  for (const std::uint64_t id : {10, 0, 11, 12}) Put(id, OkStatus());
  EXPECT_THAT(Puts(), ElementsAre(13));
}

TEST_F(SendScheduleTest, StaleChunksHaveTheirShareOfBytesWhileLiveOnesWait) {
  std::uint64_t next = 1;
  for (; next <= 400; ++next) Add(next, "old", 600, 70'000);
  std::uint64_t live_bytes = 0;
  std::uint64_t stale_bytes = 0;
  for (int round = 0; round < 400; ++round) {
    for (int i = 0; i < 4; ++i) Add(++next, "new", 0, 100'000);  // always more than can be sent
    SendAndCount(&live_bytes, &stale_bytes);
    now_ += 10ms;
  }
  ExpectAFifth(stale_bytes, live_bytes);
}

TEST_F(SendScheduleTest, StaleChunksHaveAllOfItWhenNothingLiveComes) {
  for (std::uint64_t i = 0; i < 100; ++i) Add(i, "acme", 600);
  std::size_t sent = 0;
  for (int round = 0; round < 200 && sent < 100; ++round) {
    for (const std::uint64_t id : Puts()) {
      ++sent;
      Put(id, OkStatus());
    }
  }
  EXPECT_EQ(sent, 100u);
}

TEST_F(SendScheduleTest, ATrickleOfLiveChunksDoesNotStopABacklog) {
  for (std::uint64_t i = 0; i < 100; ++i) Add(i, "acme", 600, 1 << 20);
  std::uint64_t next = 1000;
  std::size_t stale = 0;
  for (int second = 0; second < 60; ++second) {
    Add(++next, "acme", 0, 100);
    for (int i = 0; i < 10; ++i) {
      for (const ChunkToPut& put : Tick().puts) {
        stale += put.live ? 0 : 1;
        Put(put.id.value(), OkStatus());
      }
      now_ += 100ms;
    }
  }
  EXPECT_GT(stale, 50u);
  EXPECT_LT(stale, 70u);
}

TEST_F(SendScheduleTest, StaleChunksHaveNoMoreThanTheirShareAlsoWhenNoLiveOneWaits) {
  std::uint64_t next = 1;
  for (; next <= 4000; ++next) Add(next, "old", 600, 70'000);
  std::uint64_t live_bytes = 0;
  std::uint64_t stale_bytes = 0;
  for (int tenth = 0; tenth < 600; ++tenth) {
    // At the end of each second 8 MB: 2 MB a second for the others, and no floor.
    for (int i = 0; tenth % 10 == 0 && i < 80; ++i) Add(++next, "new", 0, 100'000);
    while (SendAndCount(&live_bytes, &stale_bytes)) {
    }
    now_ += 100ms;
  }
  ExpectAFifth(stale_bytes, live_bytes);
}

TEST_F(SendScheduleTest, ALiveChunkThatWaitedForTooLongIsStale) {
  for (std::uint64_t i = 0; i < 8; ++i) Add(i);
  EXPECT_THAT(Puts(), ElementsAre(0, 1, 2, 3));
  now_ += 30s;
  for (std::uint64_t i = 0; i < 4; ++i) Put(i, OkStatus());
  for (const ChunkToPut& put : Tick().puts) EXPECT_FALSE(put.live);
}

TEST_F(SendScheduleTest, ACommitWaitsForTheRestOfItsSecondUnlessInAHurry) {
  schedule_.Add({.id = OutboxId(1),
                 .tenant = "acme",
                 .bucket = "events",
                 .epoch = Epoch(kNow),
                 .bytes = 10,
                 .commit_at = now_ + 2s,
                 .expires = now_ + 24h},
                Time());
  Puts();
  Put(1, OkStatus());
  EXPECT_THAT(Tick().commits, IsEmpty());
  EXPECT_EQ(schedule_.Deadline(Time()), now_ + 2s);
  schedule_.Hurry();
  EXPECT_THAT(Tick().commits, SizeIs(1));
}

TEST_F(SendScheduleTest, ALargeSecondIsCommittedInParts) {
  const std::size_t chunks = kMaxChunksPerCommit + 10;
  for (std::uint64_t i = 0; i < chunks; ++i) {
    schedule_.Add({.id = OutboxId(i),
                   .tenant = "acme",
                   .bucket = "events",
                   .epoch = Epoch(kNow),
                   .bytes = 10,
                   .commit_at = now_ + 2s,
                   .expires = now_ + 24h},
                  Time());
  }
  for (std::size_t stored = 0; stored < chunks;) {
    for (const std::uint64_t id : Puts()) {
      Put(id, OkStatus());
      ++stored;
    }
  }
  now_ += 2s;
  const SendEffects first = Tick();
  ASSERT_THAT(first.commits, SizeIs(1));
  EXPECT_THAT(first.commits[0].chunks, SizeIs(kMaxChunksPerCommit));
  SendEffects effects;
  schedule_.HandleCommit(first.commits[0].id, OkStatus(), Time(), &effects);
  const SendEffects second = Tick();
  ASSERT_THAT(second.commits, SizeIs(1));
  EXPECT_THAT(second.commits[0].chunks, SizeIs(10));
}

}  // namespace
}  // namespace carillon
