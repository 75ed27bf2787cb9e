#include "tools/carillon/ring/ring_picture.h"

#include <algorithm>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace carillon {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::size_t Lines(const std::string& text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

std::set<char> MarksIn(const std::string& text) {
  std::set<char> marks;
  for (const char c : text) {
    if (c != ' ' && c != '\n') marks.insert(c);
  }
  return marks;
}

TEST(RingPictureTest, ShowsEveryPartitionOfACircle) {
  for (const std::size_t size : {8u, 16u, 32u}) {
    std::vector<RingCell> cells;
    for (std::size_t i = 0; i < size; ++i) cells.push_back({.member = i});
    EXPECT_EQ(MarksIn(DrawRing(cells, {}, false)).size(), size);
  }
  for (std::size_t i = 0; i < kMaxCircleCells; ++i) {
    std::vector<RingCell> cells(kMaxCircleCells);
    cells[i].member = 1;
    EXPECT_THAT(DrawRing(cells, {}, false), HasSubstr("B")) << i;
  }
}

TEST(RingPictureTest, BeginsAtTheTopAndGoesClockwise) {
  std::vector<RingCell> cells;
  for (std::size_t i = 0; i < 8; ++i) cells.push_back({.member = i});
  const std::string text = DrawRing(cells, {}, false);
  const std::string top = text.substr(0, text.find('\n'));
  EXPECT_EQ(top.substr(top.find_first_not_of(' ')), "HHHHHHHAAAAAAAA");
}

TEST(RingPictureTest, WritesInTheMiddle) {
  const std::string text =
      DrawRing(std::vector<RingCell>(64), {"64 partitions", "version 12"}, false);
  EXPECT_THAT(text, HasSubstr(" 64 partitions "));
  EXPECT_THAT(text, HasSubstr(" version 12 "));
  EXPECT_EQ(Lines(text), 16u);
}

TEST(RingPictureTest, ShowsWhatMovesWithASmallLetter) {
  std::vector<RingCell> cells(8);
  cells[2] = {.member = 1, .is_moving = true};
  EXPECT_EQ(MarksIn(DrawRing(cells, {}, false)), (std::set<char>{'A', 'b'}));
}

TEST(RingPictureTest, DrawsAManyPartitionsAsRows) {
  std::vector<RingCell> cells(128);
  cells[64].member = 25;
  cells[127].member = 36;
  EXPECT_EQ(DrawRing(cells, {}, false),
            "   0  " + std::string(64, 'A') + "\n  64  Z" + std::string(62, 'A') + "#\n");
}

TEST(RingPictureTest, ColorsOnlyWhenTold) {
  EXPECT_THAT(DrawRing(std::vector<RingCell>(8), {}, false), Not(HasSubstr("\033")));
  EXPECT_EQ(PaintedMark(0, false, true), "\033[32mA\033[0m");
  EXPECT_EQ(PaintedMark(12, true, true), "\033[32mm\033[0m");
}

}  // namespace
}  // namespace carillon
