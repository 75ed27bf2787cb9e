#include "client/second_batcher.h"

#include <memory>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace carillon {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr Epoch kFirst{100};
constexpr Epoch kSecond{101};

MATCHER_P4(IsBatch, epoch, type, subtype, lines, "") {
  return arg.epoch == epoch && arg.type == type && arg.subtype == subtype && arg.lines == lines;
}
MATCHER_P2(IsClosing, epoch, seal, "") {
  return arg.epoch == epoch && arg.seal == seal;
}

class SecondBatcherTest : public ::testing::Test {
 protected:
  Status Add(Epoch epoch, std::string_view type, std::string_view subtype, std::string_view event) {
    return batcher_.Add(epoch, type, subtype, event, &effects_);
  }
  void Restart(BatcherLimits limits) {
    std::destroy_at(&batcher_);
    std::construct_at(&batcher_, limits);
  }

  SecondBatcher batcher_{BatcherLimits{}};
  BatcherEffects effects_;
};

TEST_F(SecondBatcherTest, KeepsEventsUntilTheirSecondCloses) {
  EXPECT_TRUE(Add(kFirst, "WEB", "app", "{1}").ok());
  EXPECT_TRUE(effects_.empty());
  EXPECT_EQ(batcher_.buffered_bytes(), 4u);
  batcher_.Close(kFirst, false, &effects_);
  EXPECT_THAT(effects_.batches, ElementsAre(IsBatch(kFirst, "WEB", "app", "{1}\n")));
  EXPECT_THAT(effects_.closed, ElementsAre(IsClosing(kFirst, false)));
  EXPECT_EQ(batcher_.buffered_bytes(), 0u);
  EXPECT_EQ(batcher_.open_seconds(), 0u);
}

TEST_F(SecondBatcherTest, PutsEachEpochTypeAndSubtypeInABatchOfItsOwn) {
  for (const char* event : {"1", "2"}) {
    EXPECT_TRUE(Add(kFirst, "A", "", event).ok());
    EXPECT_TRUE(Add(kFirst, "A", "x", event).ok());
    EXPECT_TRUE(Add(kSecond, "A", "", event).ok());
    EXPECT_TRUE(Add(kFirst, "B", "", event).ok());
  }
  batcher_.CloseAll(&effects_);
  EXPECT_THAT(effects_.batches,
              ElementsAre(IsBatch(kFirst, "A", "", "1\n2\n"), IsBatch(kFirst, "A", "x", "1\n2\n"),
                          IsBatch(kFirst, "B", "", "1\n2\n"), IsBatch(kSecond, "A", "", "1\n2\n")));
  EXPECT_THAT(effects_.closed, ElementsAre(IsClosing(kFirst, false), IsClosing(kSecond, false)));
}

TEST_F(SecondBatcherTest, CutsABatchWhenItWouldFillAChunkAndKeepsTheSecondOpen) {
  Restart({.max_chunk_bytes = 100'000});
  const std::string event(1000, 'e');
  while (effects_.batches.empty()) ASSERT_TRUE(Add(kFirst, "A", "", event).ok());
  EXPECT_EQ(effects_.batches.size(), 1u);
  EXPECT_LE(effects_.batches[0].lines.size(), 270'000u);
  EXPECT_GT(effects_.batches[0].lines.size(), 260'000u);
  EXPECT_THAT(effects_.closed, IsEmpty());
  EXPECT_EQ(batcher_.buffered_bytes(), 1001u);
}

TEST_F(SecondBatcherTest, MakesBatchesLargerOfWhatCompressesWell) {
  Restart({.max_chunk_bytes = 100'000});
  for (int i = 0; i < 50; ++i) batcher_.Learn("A", "", 1'000'000, 100'000);
  const std::string event(1000, 'e');
  while (effects_.batches.empty()) ASSERT_TRUE(Add(kFirst, "A", "", event).ok());
  EXPECT_GT(effects_.batches[0].lines.size(), 800'000u);
}

TEST_F(SecondBatcherTest, ClosesTheOldestSecondWhenTooManyBytesWait) {
  Restart({.max_buffered_bytes = 10});
  EXPECT_TRUE(Add(kSecond, "A", "", "1234").ok());
  EXPECT_TRUE(Add(kFirst, "A", "", "1234").ok());
  EXPECT_TRUE(effects_.empty());
  EXPECT_TRUE(Add(kSecond, "A", "", "5").ok());
  EXPECT_THAT(effects_.closed, ElementsAre(IsClosing(kFirst, false)));
  EXPECT_THAT(effects_.batches, ElementsAre(IsBatch(kFirst, "A", "", "1234\n")));
}

TEST_F(SecondBatcherTest, ClosesTheOldestSecondWhenTooManyAreOpen) {
  Restart({.max_open_seconds = 2});
  for (const std::uint64_t epoch : {7, 5, 6}) EXPECT_TRUE(Add(Epoch(epoch), "A", "", "1").ok());
  EXPECT_THAT(effects_.closed, ElementsAre(IsClosing(Epoch(5), false)));
  EXPECT_EQ(batcher_.open_seconds(), 2u);
}

TEST_F(SecondBatcherTest, TakesAnEventThatAlreadyClosedItsOwnSecond) {
  Restart({.max_open_seconds = 1});
  EXPECT_TRUE(Add(kSecond, "A", "", "1").ok());
  EXPECT_TRUE(Add(kFirst, "A", "", "2").ok());
  EXPECT_TRUE(Add(kFirst, "A", "", "3").ok());
  batcher_.CloseAll(&effects_);
  EXPECT_THAT(effects_.batches,
              ElementsAre(IsBatch(kFirst, "A", "", "2\n"), IsBatch(kFirst, "A", "", "3\n"),
                          IsBatch(kSecond, "A", "", "1\n")));
}

TEST_F(SecondBatcherTest, OpensAClosedSecondAnew) {
  EXPECT_TRUE(Add(kFirst, "A", "", "1").ok());
  batcher_.Close(kFirst, false, &effects_);
  EXPECT_TRUE(Add(kFirst, "A", "", "2").ok());
  batcher_.Close(kFirst, false, &effects_);
  EXPECT_THAT(effects_.closed, ElementsAre(IsClosing(kFirst, false), IsClosing(kFirst, false)));
}

TEST_F(SecondBatcherTest, ClosesNothingThatIsNotOpen) {
  batcher_.Close(kFirst, false, &effects_);
  batcher_.CloseAll(&effects_);
  EXPECT_TRUE(effects_.empty());
}

TEST_F(SecondBatcherTest, SealsWithAllBeforeEvenWhenNothingIsOpen) {
  EXPECT_TRUE(Add(Epoch(98), "A", "", "1").ok());
  EXPECT_TRUE(Add(kSecond, "A", "", "2").ok());
  batcher_.Close(kFirst, true, &effects_);
  EXPECT_THAT(effects_.closed, ElementsAre(IsClosing(Epoch(98), false), IsClosing(kFirst, true)));
  EXPECT_EQ(batcher_.open_seconds(), 1u);
}

TEST_F(SecondBatcherTest, RefusesAnEventOfASealedSecond) {
  EXPECT_TRUE(Add(kFirst, "A", "", "1").ok());
  batcher_.Close(kFirst, true, &effects_);
  EXPECT_EQ(Add(kFirst, "A", "", "2").code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(Add(Epoch(5), "A", "", "2").code(), StatusCode::kFailedPrecondition);
  EXPECT_TRUE(Add(kSecond, "A", "", "2").ok());
}

TEST_F(SecondBatcherTest, RefusesABadEventAndKeepsTheOthers) {
  Restart({.max_chunk_bytes = 30});
  EXPECT_TRUE(Add(kFirst, "A", "", "1").ok());
  EXPECT_EQ(Add(kFirst, "A", "", "").code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(Add(kFirst, "A", "", "a\nb").code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(Add(kFirst, "", "", "1").code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(Add(kFirst, "a b", "", "1").code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(Add(kFirst, "A", "a:b", "1").code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(Add(Epoch(kMaxEpoch + 1), "A", "", "1").code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(Add(kFirst, "A", "", "0123456789abcdefghijklmnopqrstuvwxyzABCDEF").code(),
            StatusCode::kResourceExhausted);
  EXPECT_TRUE(Add(kFirst, "A", "", "2").ok());
  batcher_.CloseAll(&effects_);
  EXPECT_THAT(effects_.batches, ElementsAre(IsBatch(kFirst, "A", "", "1\n2\n")));
}

}  // namespace
}  // namespace carillon
