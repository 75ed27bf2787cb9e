#include "client/range_cursor.h"

#include <gtest/gtest.h>

#include "base/checksum.h"

namespace carillon {
namespace {

class RangeCursorTest : public ::testing::Test {
 protected:
  static wire::ReadRangeResponse Chunk(std::uint64_t epoch, std::uint64_t number,
                                       std::uint64_t events = 1) {
    const Bytes value = fmt::format("value {}", number);
    wire::ReadRangeResponse message;
    message.chunk = ChunkInfo{.key = {Epoch(epoch), "1", "c", "T", "", number},
                              .events = events,
                              .value_bytes = static_cast<std::uint32_t>(value.size()),
                              .value_crc = Crc32c(value)};
    message.value = Rope(value);
    return message;
  }
  static wire::ReadRangeResponse End(std::uint64_t epoch, std::string dc = "1") {
    return {.epoch = epoch, .dc = std::move(dc), .complete = true};
  }
  // Whether the item was given.
  bool Gives(wire::ReadRangeResponse message) {
    const auto item = cursor_.Accept(std::move(message));
    EXPECT_TRUE(item.ok()) << item.status();
    return item.ok() && item->has_value();
  }
  StatusCode Code(wire::ReadRangeResponse message) {
    return cursor_.Accept(std::move(message)).status().code();
  }

  RangeCursor cursor_{{.range = {Epoch(10), Epoch(20)}, .max_events = 100}};
};

TEST_F(RangeCursorTest, GivesAChunkWithItsValueAndAnEnd) {
  const auto chunk = cursor_.Accept(Chunk(10, 1));
  ASSERT_TRUE(chunk.ok() && chunk->has_value());
  EXPECT_EQ((*chunk)->value, "value 1");
  EXPECT_EQ((*chunk)->epoch, Epoch(10));
  const auto end = cursor_.Accept(End(10));
  ASSERT_TRUE(end.ok() && end->has_value());
  EXPECT_FALSE((*end)->chunk.has_value());
  EXPECT_TRUE((*end)->complete);
  EXPECT_EQ((*end)->dc, "1");
}

TEST_F(RangeCursorTest, AsksForTheWholeRangeAtFirst) {
  EXPECT_EQ(cursor_.Remaining().range, (EpochRange{Epoch(10), Epoch(20)}));
  EXPECT_EQ(cursor_.Remaining().max_events, 100u);
}

TEST_F(RangeCursorTest, GivesNothingTwiceWhenASecondIsSentAgain) {
  EXPECT_TRUE(Gives(Chunk(10, 1)));
  EXPECT_TRUE(Gives(End(10, "1")));
  EXPECT_TRUE(Gives(Chunk(12, 2)));
  EXPECT_EQ(cursor_.Remaining().range.first, Epoch(12));
  EXPECT_FALSE(Gives(Chunk(12, 2)));
  EXPECT_TRUE(Gives(Chunk(12, 3)));
  EXPECT_TRUE(Gives(End(12, "1")));
  EXPECT_TRUE(Gives(End(12, "2")));
  EXPECT_FALSE(Gives(End(12, "1")));
}

TEST_F(RangeCursorTest, TakesTheEventsOfFinishedSecondsOffTheLimit) {
  EXPECT_TRUE(Gives(Chunk(10, 1, 30)));
  EXPECT_TRUE(Gives(Chunk(11, 2, 20)));
  EXPECT_EQ(cursor_.Remaining().max_events, 70u);
  EXPECT_TRUE(Gives(Chunk(12, 3, 500)));
  EXPECT_EQ(cursor_.Remaining().max_events, 50u);
}

TEST_F(RangeCursorTest, NeverTurnsALimitIntoNone) {
  EXPECT_TRUE(Gives(Chunk(10, 1, 100)));
  EXPECT_TRUE(Gives(Chunk(11, 2, 1)));
  EXPECT_EQ(cursor_.Remaining().max_events, 1u);
}

TEST_F(RangeCursorTest, SaysDataLossOfAValueThatIsNotWhatItsManifestSays) {
  auto message = Chunk(10, 1);
  message.value = Rope(Bytes("valve 1"));
  auto item = cursor_.Accept(message);
  ASSERT_TRUE(item.ok() && item->has_value());
  EXPECT_EQ((*item)->status.code(), StatusCode::kDataLoss);
  EXPECT_EQ((*item)->value, "");
  message = Chunk(10, 2);
  message.value = Rope(Bytes("value"));
  item = cursor_.Accept(message);
  EXPECT_EQ((*item)->status.code(), StatusCode::kDataLoss);
}

TEST_F(RangeCursorTest, PassesOnTheErrorOfAChunkThatCouldNotBeRead) {
  auto message = Chunk(10, 1);
  message.code = static_cast<std::uint32_t>(StatusCode::kNotFound);
  message.message = "gone";
  const auto item = cursor_.Accept(message);
  ASSERT_TRUE(item.ok() && item->has_value());
  EXPECT_EQ((*item)->status, NotFound("gone"));
}

TEST_F(RangeCursorTest, RefusesEpochsOutOfTheRangeOrOutOfOrder) {
  EXPECT_EQ(Code(Chunk(9, 1)), StatusCode::kInternal);
  EXPECT_EQ(Code(End(20)), StatusCode::kInternal);
  EXPECT_TRUE(Gives(Chunk(15, 1)));
  EXPECT_EQ(Code(Chunk(14, 1)), StatusCode::kInternal);
}

}  // namespace
}  // namespace carillon
