#include "collector/pipeline/chunk_batcher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/random.h"

namespace carillon {
namespace {

using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""s;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr std::uint64_t kSecond = 1'700'000'000;
const Instant kStart = Instant(1000s);

// Half a second into kSecond, and later.
BatchTime At(Duration after) {
  const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(after).count();
  return {.now = kStart + after,
          .wall_us = static_cast<std::int64_t>(kSecond) * 1'000'000 + 500'000 + micros};
}

class ChunkBatcherTest : public ::testing::Test {
 protected:
  void Add(std::uint64_t request, std::uint64_t epoch = kSecond, Duration after = 0s) {
    AddOf("acme", request, epoch, after);
  }
  void AddOf(const std::string& tenant, std::uint64_t request, std::uint64_t epoch = kSecond,
             Duration after = 0s, std::string_view json = "{\"n\":1}") {
    batcher_.Add({.tenant = tenant,
                  .bucket = "events",
                  .type = type_,
                  .subtype = "",
                  .epoch = Epoch(epoch),
                  .json = json,
                  .place = {request, 0}},
                 At(after), &closed_);
  }
  void Tick(Duration after) { batcher_.Tick(kStart + after, &closed_); }

  std::string type_ = "WEB";
  ChunkBatcher batcher_{{.max_chunk_bytes = 100'000, .max_buffered_bytes = 1 << 20}};
  std::vector<EventsOfChunk> closed_;
};

TEST_F(ChunkBatcherTest, ASecondThatIsFarAwayClosesAfterTheLateness) {
  Add(1, 19'995'873'487);
  Add(2, kMaxEpoch);
  EXPECT_EQ(batcher_.Deadline(), kStart + 1000ms);
  Tick(1000ms);
  EXPECT_THAT(closed_, SizeIs(2));
}

TEST_F(ChunkBatcherTest, ClosesASecondWhenItAndTheLatenessHavePassed) {
  Add(1);
  Add(2);
  EXPECT_EQ(batcher_.Deadline(), kStart + 1500ms);
  Tick(1499ms);
  EXPECT_THAT(closed_, IsEmpty());
  Tick(1500ms);
  ASSERT_THAT(closed_, SizeIs(1));
  EXPECT_EQ(closed_[0].epoch, Epoch(kSecond));
  EXPECT_EQ(closed_[0].lines, "{\"n\":1}\n{\"n\":1}\n");
  EXPECT_THAT(closed_[0].covered, ElementsAre(CoveredEvent{1, 0}, CoveredEvent{2, 0}));
  EXPECT_EQ(batcher_.Deadline(), std::nullopt);
  EXPECT_EQ(batcher_.buffered_bytes(), 0u);
}

TEST_F(ChunkBatcherTest, LateEventsOpenAChunkOfTheirOwnEpoch) {
  Add(1, kSecond - 100);
  Add(2, kSecond);
  EXPECT_EQ(batcher_.Deadline(), kStart + 1s);
  Tick(1s);
  ASSERT_THAT(closed_, SizeIs(1));
  EXPECT_EQ(closed_[0].epoch, Epoch(kSecond - 100));
}

TEST_F(ChunkBatcherTest, AnEventForASecondFarAheadDoesNotWaitForIt) {
  Add(1, kSecond + 200);
  Tick(1s);
  EXPECT_THAT(closed_, SizeIs(1));
}

TEST_F(ChunkBatcherTest, AJumpOfTheWallClockDoesNotHoldBackWhatIsOpen) {
  Add(1);
  batcher_.Add({.tenant = "acme",
                .bucket = "events",
                .type = "WEB",
                .epoch = Epoch(kSecond),
                .json = "{}",
                .place = {2, 0}},
               {.now = kStart + 1s, .wall_us = 0}, &closed_);
  Tick(1500ms);
  EXPECT_THAT(closed_, SizeIs(1));
}

TEST_F(ChunkBatcherTest, KeepsWhatDiffersApart) {
  Add(1);
  type_ = "EMK";
  Add(2);
  AddOf("other", 3);
  Add(4, kSecond + 1);
  batcher_.CloseAll(&closed_);
  EXPECT_THAT(closed_, SizeIs(4));
  EXPECT_EQ(batcher_.open_batches(), 0u);
}

TEST_F(ChunkBatcherTest, ClosesAChunkThatIsFull) {
  const std::string event(1000, 'x');
  for (std::uint64_t i = 0; i < 500; ++i) AddOf("acme", i, kSecond, 0s, event);
  // A first guess of three to one: 300,000 bytes each.
  ASSERT_THAT(closed_, SizeIs(1));
  EXPECT_LE(closed_[0].lines.size(), 300'000u);
  EXPECT_GT(closed_[0].lines.size(), 250'000u);
  EXPECT_EQ(closed_[0].second_closes, kStart + 1500ms);
  EXPECT_EQ(closed_[0].covered.size() * 1001, closed_[0].lines.size());
}

TEST_F(ChunkBatcherTest, LearnsHowWellAStreamCompresses) {
  Add(1);
  batcher_.Learn({"acme", "events", "WEB", ""}, 100'000, 100'000);
  batcher_.CloseAll(&closed_);
  closed_.clear();
  const std::string event(1000, 'x');
  for (std::uint64_t i = 0; i < 150; ++i) AddOf("acme", i, kSecond, 0s, event);
  EXPECT_THAT(closed_, SizeIs(1));
}

TEST_F(ChunkBatcherTest, ATenantWithTooMuchGetsSmallChunksAndNotTheOthers) {
  AddOf("small", 1);
  const std::string event(1000, 'x');
  for (std::uint64_t i = 0; i < 1200; ++i) {
    type_ = fmt::format("T{}", i % 10);
    AddOf("large", i, kSecond, 0s, event);
  }
  EXPECT_LE(batcher_.buffered_bytes(), std::size_t{1} << 20);
  EXPECT_FALSE(closed_.empty());
  for (const EventsOfChunk& events : closed_) EXPECT_EQ(events.stream->tenant, "large");
}

TEST_F(ChunkBatcherTest, ManyOpenBatchesCountTowardsTheLimit) {
  for (std::uint64_t i = 0; i < 10'000; ++i) Add(i, kSecond - 10 - i);
  EXPECT_LE(batcher_.open_batches(), (std::size_t{1} << 20) / ChunkBatcher::kBatchOverheadBytes);
}

TEST_F(ChunkBatcherTest, ForgetsIdleStreams) {
  for (std::uint64_t i = 0; i < 3 * ChunkBatcher::kMaxIdleStreams; ++i) {
    AddOf(fmt::format("tenant-{}", i), i);
    if (i % 1000 == 0) batcher_.CloseAll(&closed_);
  }
  batcher_.CloseAll(&closed_);
  EXPECT_THAT(closed_, SizeIs(3 * ChunkBatcher::kMaxIdleStreams));
  EXPECT_EQ(batcher_.buffered_bytes(), 0u);
}

// Whatever comes in whatever order: each event leaves once, with its line.
TEST_F(ChunkBatcherTest, LosesAndRepeatsNothing) {
  Random random(7);
  std::map<CoveredEvent, std::string> given;
  for (std::uint64_t request = 1; request < 3000; ++request) {
    const std::string json(1 + random.Below(2000), static_cast<char>('a' + random.Below(26)));
    type_ = fmt::format("T{}", random.Below(3));
    const Duration now = std::chrono::milliseconds(request * 10);
    AddOf(fmt::format("tenant-{}", random.Below(4)), request, kSecond + random.Below(40), now,
          json);
    given[{request, 0}] = json;
    if (random.OneIn(5)) Tick(now);
  }
  batcher_.CloseAll(&closed_);
  std::map<CoveredEvent, std::string> taken;
  for (const EventsOfChunk& events : closed_) {
    std::size_t next = 0;
    ForEachEvent(events.lines, [&](std::string_view line) {
      EXPECT_TRUE(taken.emplace(events.covered.at(next++), line).second);
      return true;
    });
    EXPECT_EQ(next, events.covered.size());
    EXPECT_TRUE(std::is_sorted(events.covered.begin(), events.covered.end()));
  }
  EXPECT_EQ(taken, given);
}

}  // namespace
}  // namespace carillon
