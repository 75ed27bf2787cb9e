#include "collector/tail/line_cutter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>

namespace carillon {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::string> TextsOf(const CutResult& cut) {
  std::vector<std::string> texts;
  for (const FileLine& line : cut.lines) texts.emplace_back(line.text);
  return texts;
}

TEST(CutLinesTest, LetsAnUnfinishedLineWait) {
  const CutResult cut = CutLines("one\ntwo\nthr", 100, false, {});
  EXPECT_THAT(TextsOf(cut), ElementsAre("one", "two"));
  EXPECT_EQ(cut.lines[0].end, 104u);
  EXPECT_EQ(cut.end, 108u);
}

TEST(CutLinesTest, TakesAnUnfinishedLineWhenNothingFollows) {
  const CutResult cut = CutLines("one\ntwo", 0, false, {.last = true});
  EXPECT_THAT(TextsOf(cut), ElementsAre("one", "two"));
  EXPECT_EQ(cut.end, 7u);
}

TEST(CutLinesTest, PassesOverEmptyLinesAndCarriageReturns) {
  const CutResult cut = CutLines("\n\r\none\r\n\n", 0, false, {});
  EXPECT_THAT(TextsOf(cut), ElementsAre("one"));
  EXPECT_EQ(cut.end, 9u);
}

TEST(CutLinesTest, PassesOverTheHoleThatATruncatedFileHas) {
  const std::string hole(1000, '\0');
  EXPECT_THAT(TextsOf(CutLines(hole + "one\n", 0, false, {})), ElementsAre("one"));
  const CutResult only = CutLines(hole, 0, false, {.max_line_bytes = 10});
  EXPECT_THAT(only.lines, IsEmpty());
  EXPECT_EQ(only.end, 1000u);
}

TEST(CutLinesTest, TakesALineOfTheGreatestLengthWhole) {
  const CutResult cut = CutLines("0123456789\nx\n", 0, false, {.max_line_bytes = 10});
  EXPECT_THAT(TextsOf(cut), ElementsAre("0123456789", "x"));
  EXPECT_FALSE(cut.lines[0].cut);
}

TEST(CutLinesTest, CutsALineThatIsTooLongAtTheSamePlaceWhateverFollows) {
  for (const std::string_view rest : {"", "b", "bbb\nnext\n"}) {
    const std::string bytes = "0123456789a" + std::string(rest);
    const CutResult cut = CutLines(bytes, 50, false, {.max_line_bytes = 10});
    ASSERT_FALSE(cut.lines.empty());
    EXPECT_EQ(cut.lines[0].text, "0123456789");
    EXPECT_TRUE(cut.lines[0].cut);
    EXPECT_EQ(cut.lines[0].end, 60u);
    EXPECT_EQ(cut.in_cut_line, !rest.ends_with('\n'));
    EXPECT_EQ(cut.end, 61 + rest.size());
  }
}

TEST(CutLinesTest, GoesOnBehindTheRestOfALineThatWasCut) {
  const CutResult cut = CutLines("rest\nnext\n", 10, true, {});
  EXPECT_THAT(TextsOf(cut), ElementsAre("next"));
  EXPECT_FALSE(cut.in_cut_line);
}

TEST(CutLinesTest, StopsAtItsNumberOfLines) {
  const CutResult cut = CutLines("a\nb\nc\n", 0, false, {.max_lines = 2});
  EXPECT_THAT(TextsOf(cut), ElementsAre("a", "b"));
  EXPECT_EQ(cut.end, 4u);
}

// However the bytes come: the lines, and where they end, are those of all bytes at once.
RC_GTEST_PROP(CutLinesTest, FindsTheSameLinesInWhateverPieces, ()) {
  const auto letters =
      *rc::gen::container<std::string>(rc::gen::element('a', 'b', '\n', '\r', '\0'));
  const CutOptions options{.max_line_bytes = 4};
  const auto pair_up = [](const CutResult& cut) {
    std::vector<std::pair<std::string, std::uint64_t>> lines;
    for (const FileLine& line : cut.lines) lines.emplace_back(line.text, line.end);
    return lines;
  };
  const auto whole = pair_up(CutLines(letters, 0, false, options));
  std::vector<std::pair<std::string, std::uint64_t>> pieces;
  std::uint64_t offset = 0;
  bool in_cut_line = false;
  std::size_t there = 0;
  while (there < letters.size()) {
    there = std::min(letters.size(), there + *rc::gen::inRange<std::size_t>(1, 8));
    const CutResult cut = CutLines(std::string_view(letters).substr(offset, there - offset), offset,
                                   in_cut_line, options);
    for (const auto& line : pair_up(cut)) pieces.push_back(line);
    offset = cut.end;
    in_cut_line = cut.in_cut_line;
  }
  RC_ASSERT(pieces == whole);
}

}  // namespace
}  // namespace carillon
