#include "tools/carillon/input/record_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "crunch/chunk_codec.h"
#include "tests/tools/support.h"

namespace carillon {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

std::vector<Kept> Lines(std::string text, std::size_t step = 1 << 20) {
  auto reader = ReadLines(std::make_unique<StreamBuffer>(FromText(std::move(text), step)));
  return ReadRecords(reader.get());
}

std::vector<Kept> Values(std::string text, std::size_t step = 1 << 20) {
  auto reader = ReadJsonValues(std::make_unique<StreamBuffer>(FromText(std::move(text), step)));
  return ReadRecords(reader.get());
}

TEST(LineReaderTest, GivesEachLineWithItsNumber) {
  const auto lines = Lines("one\n\n  two \r\n\t\nthree");
  EXPECT_THAT(Texts(lines), ElementsAre("one", "two", "three"));
  EXPECT_EQ(lines[0].line, 1u);
  EXPECT_EQ(lines[1].line, 3u);
  EXPECT_EQ(lines[2].line, 5u);
}

TEST(LineReaderTest, GivesTheSameHoweverTheBytesCome) {
  const std::string text = "one\ntwo\n\nthree four\nfive\n";
  for (std::size_t step = 1; step <= text.size(); ++step) {
    EXPECT_THAT(Texts(Lines(text, step)), ElementsAre("one", "two", "three four", "five")) << step;
  }
}

TEST(LineReaderTest, GivesNothingOfAnEmptyInput) {
  EXPECT_THAT(Lines(""), IsEmpty());
}

TEST(LineReaderTest, TakesTheLargestLine) {
  const auto lines = Lines(std::string(kMaxEventBytes, 'x') + "\nnext\n");
  ASSERT_THAT(lines, SizeIs(2));
  EXPECT_EQ(lines[0].problem, "");
  EXPECT_EQ(lines[0].text.size(), kMaxEventBytes);
}

TEST(LineReaderTest, RefusesALineThatIsTooLongAndGoesOnBehindIt) {
  for (const std::size_t more : {std::size_t{1}, 3 * kMaxEventBytes}) {
    const auto lines = Lines("first\n" + std::string(kMaxEventBytes + more, 'x') + "\nnext\n");
    ASSERT_THAT(lines, SizeIs(3));
    EXPECT_THAT(lines[1].problem, HasSubstr("more than"));
    EXPECT_EQ(lines[1].source.size(), kMaxEventBytes);
    EXPECT_EQ(lines[2].text, "next");
    EXPECT_EQ(lines[2].line, 3u);
  }
}

TEST(JsonValueReaderTest, SplitsAnArrayWhereverTheBytesAreCut) {
  const std::string text = R"([{"a":1},{"b":"},{"}, {"c":[1,{"d":"\"]\\"}]} ,{"e":{}}])";
  for (std::size_t step = 1; step <= text.size(); ++step) {
    EXPECT_THAT(Texts(Values(text, step)), ElementsAre(R"({"a":1})", R"({"b":"},{"})",
                                                       R"({"c":[1,{"d":"\"]\\"}]})", R"({"e":{}})"))
        << step;
  }
}

TEST(JsonValueReaderTest, PutsAPrettyPrintedObjectOnOneLine) {
  const auto values = Values("{\n  \"a\": 1.50,\n  \"b\": \"x  y\"\n}\n{\"c\":\n2}");
  EXPECT_THAT(Texts(values), ElementsAre(R"({"a":1.50,"b":"x  y"})", R"({"c":2})"));
  EXPECT_EQ(values[0].line, 1u);
  EXPECT_EQ(values[1].line, 5u);
}

TEST(JsonValueReaderTest, KeepsTheTextOfNumbersAndEscapes) {
  const std::string event = R"({"a":1.0e+5,"b":123456789012345678901234567890,"c":"\u00e9\/"})";
  EXPECT_THAT(Texts(Values("[" + event + "]")), ElementsAre(event));
}

TEST(JsonValueReaderTest, ReadsSeveralArraysAndObjects) {
  EXPECT_THAT(Texts(Values("[{\"a\":1}][{\"b\":2}]{\"c\":3}\n[]{\"d\":4}")),
              ElementsAre("{\"a\":1}", "{\"b\":2}", "{\"c\":3}", "{\"d\":4}"));
}

TEST(JsonValueReaderTest, GivesElementsThatAreNoObjectsAsTheyAre) {
  EXPECT_THAT(Texts(Values(R"([1, "a,b" ,null,[2,3]])")),
              ElementsAre("1", "\"a,b\"", "null", "[2,3]"));
}

TEST(JsonValueReaderTest, SaysThatTheInputEndsInsideAValue) {
  const auto values = Values(R"([{"a":1},{"b":)");
  ASSERT_THAT(values, SizeIs(2));
  EXPECT_EQ(values[0].problem, "");
  EXPECT_THAT(values[1].problem, HasSubstr("ends inside a JSON value"));
  EXPECT_EQ(values[1].source, R"({"b":)");
}

TEST(JsonValueReaderTest, SaysThatTheInputEndsInsideAnArray) {
  const auto values = Values(R"([{"a":1},)");
  ASSERT_THAT(values, SizeIs(2));
  EXPECT_THAT(values[1].problem, HasSubstr("ends inside a JSON array"));
}

TEST(JsonValueReaderTest, GetsPastStrayBrackets) {
  const auto values = Values("}]{\"a\":1}");
  ASSERT_THAT(values, SizeIs(3));
  EXPECT_EQ(values[2].text, "{\"a\":1}");
}

TEST(JsonValueReaderTest, RefusesAValueThatIsTooLargeAndGoesOnBehindIt) {
  for (const std::size_t more : {std::size_t{1}, 3 * kMaxEventBytes}) {
    const std::string large = "{\"a\":\"" + std::string(kMaxEventBytes + more, '{') + "\"}";
    const auto values = Values("[{\"b\":1}," + large + ",\n{\"c\":2}]");
    ASSERT_THAT(values, SizeIs(3));
    EXPECT_THAT(values[1].problem, HasSubstr("more than"));
    EXPECT_EQ(values[2].text, "{\"c\":2}");
    EXPECT_EQ(values[2].line, 2u);
  }
}

}  // namespace
}  // namespace carillon
