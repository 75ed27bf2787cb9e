#include "tools/carillon/input/tail_window.h"

#include <gtest/gtest.h>

namespace carillon {
namespace {

Second MakeSecond(std::uint64_t epoch, const std::vector<std::uint64_t>& numbers) {
  Second second;
  second.epoch = Epoch{epoch};
  second.dc = "1";
  for (const std::uint64_t number : numbers) {
    second.chunks.push_back({ChunkKey{Epoch{epoch}, "1", "cell0", "WEB", "", number}});
  }
  return second;
}

TEST(TailWindowTest, GivesEachChunkOnce) {
  TailWindow window(Epoch{100}, {});
  EXPECT_EQ(window.TakeNew(MakeSecond(100, {1, 2})).size(), 2u);
  EXPECT_EQ(window.TakeNew(MakeSecond(100, {1, 2})).size(), 0u);
}

TEST(TailWindowTest, GivesAChunkThatComesLate) {
  TailWindow window(Epoch{100}, {});
  (void)window.TakeNew(MakeSecond(100, {1, 3}));
  const auto fresh = window.TakeNew(MakeSecond(100, {1, 2, 3}));
  ASSERT_EQ(fresh.size(), 1u);
  EXPECT_EQ(fresh[0].key.number, 2u);
}

TEST(TailWindowTest, MovesOnWithTheTimeAndForgets) {
  TailWindow window(Epoch{100}, {.look_back_seconds = 10});
  (void)window.TakeNew(MakeSecond(100, {1}));
  (void)window.TakeNew(MakeSecond(105, {1}));
  window.Advance(Epoch{112});
  EXPECT_EQ(window.first(), Epoch{102});
  EXPECT_EQ(window.remembered(), 1u);
  EXPECT_TRUE(window.TakeNew(MakeSecond(100, {9})).empty());
}

TEST(TailWindowTest, NeverMovesBack) {
  TailWindow window(Epoch{100}, {.look_back_seconds = 10});
  window.Advance(Epoch{50});
  EXPECT_EQ(window.first(), Epoch{100});
}

TEST(TailWindowTest, GivesUpTheOldestSecondWhenThereAreTooMany) {
  TailWindow window(Epoch{100}, {.look_back_seconds = 10, .max_remembered = 3});
  (void)window.TakeNew(MakeSecond(100, {1, 2}));
  (void)window.TakeNew(MakeSecond(101, {1, 2}));
  EXPECT_EQ(window.first(), Epoch{101});
  EXPECT_EQ(window.remembered(), 2u);
}

}  // namespace
}  // namespace carillon
