#include "tools/carillon/input/event_parser.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tools/carillon/input/long_numbers.h"
#include "tools/carillon/input/stream_buffer.h"

namespace carillon {
namespace {

using ::testing::HasSubstr;

class EventParserTest : public ::testing::Test {
 protected:
  // "epoch type subtype", or the error.
  std::string Parse(std::string text) {
    text_ = std::move(text);
    text_.reserve(text_.size() + kTextPadding);
    EventParser parser(rules_);
    const StatusOr<EventPlace> place = parser.Parse(text_);
    if (!place.ok()) return std::string(Message(place.status()));
    return fmt::format("{} {} {}", place->epoch, place->type, place->subtype);
  }

  FieldRules rules_;
  std::string text_;
};

TEST_F(EventParserTest, FindsTimeTypeAndSubtype) {
  EXPECT_EQ(Parse(R"({"timestamp":5,"type":"WEB","subtype":"app"})"), "5 WEB app");
}

TEST_F(EventParserTest, TakesTimesAsNumbersFractionsAndTexts) {
  EXPECT_EQ(Parse(R"({"timestamp":5.9,"type":"A"})"), "5 A ");
  EXPECT_EQ(Parse(R"({"timestamp":"5.9","type":"A"})"), "5 A ");
}

TEST_F(EventParserTest, FollowsPointersIntoTheEvent) {
  rules_.time_pointer = "/a/1/t";
  rules_.time_format.kind = TimeKind::kUnixMs;
  rules_.type_pointer = "/x~1y";
  rules_.subtype_pointer = "/m~0n";
  EXPECT_EQ(Parse(R"({"a":[0,{"t":7500}],"x/y":"T","m~n":"s"})"), "7 T s");
}

TEST_F(EventParserTest, PrefersConstants) {
  rules_.time = Epoch{9};
  rules_.type = "T";
  rules_.subtype = "";
  EXPECT_EQ(Parse(R"({"timestamp":5,"type":"WEB","subtype":"app"})"), "9 T ");
}

TEST_F(EventParserTest, MapsTypesToNames) {
  EXPECT_EQ(Parse(R"({"timestamp":5,"type":"quarry blast","subtype":"a:b/\u00e9"})"),
            "5 quarry_blast a_b___");
  EXPECT_EQ(Parse(R"({"timestamp":5,"type":")" + std::string(100, 'x') + R"("})"),
            "5 " + std::string(64, 'x') + " ");
  EXPECT_EQ(Parse(R"({"timestamp":5,"type":17,"subtype":true})"), "5 17 true");
}

TEST_F(EventParserTest, TakesANullOrMissingSubtypeAsNone) {
  EXPECT_EQ(Parse(R"({"timestamp":5,"type":"A","subtype":null})"), "5 A ");
}

TEST_F(EventParserTest, NamesTheFieldThatIsMissing) {
  EXPECT_THAT(Parse(R"({"type":"A"})"), HasSubstr("no field /timestamp"));
  EXPECT_THAT(Parse(R"({"timestamp":5})"), HasSubstr("no field /type"));
  EXPECT_THAT(Parse(R"({"timestamp":5,"type":""})"), HasSubstr("/type is empty"));
  EXPECT_THAT(Parse(R"({"timestamp":null,"type":"A"})"), HasSubstr("neither a text nor a number"));
  EXPECT_THAT(Parse(R"({"timestamp":5,"type":[]})"), HasSubstr("/type is no text"));
}

TEST_F(EventParserTest, RefusesInvalidJson) {
  for (const char* text :
       {R"({"timestamp":5,"type":"A")", R"({"timestamp":5,"type":"A",})",
        R"({"timestamp":5,"type":"A","x":01})", R"({"timestamp":5,"type":"A"}})",
        R"({"timestamp":5,"type":"A"} {})", R"({"timestamp":5,"type":"A","x":nul})",
        R"({"timestamp":5,"type":"A","x":"\q"})", R"({"timestamp":5,"type":"A","x":1e})", "{",
        ""}) {
    EXPECT_THAT(Parse(text), HasSubstr("no JSON")) << text;
  }
}

TEST_F(EventParserTest, RefusesInvalidUtf8) {
  EXPECT_THAT(Parse("{\"timestamp\":5,\"type\":\"A\",\"x\":\"\xff\"}"), HasSubstr("UTF-8"));
}

TEST_F(EventParserTest, RefusesWhatIsNoObject) {
  EXPECT_EQ(Parse("[1]"), "no JSON object");
  EXPECT_EQ(Parse("17"), "no JSON object");
}

TEST_F(EventParserTest, RefusesWhatIsNestedTooDeep) {
  const auto nested = [](std::size_t depth) {
    return R"({"timestamp":5,"type":"A","x":)" + std::string(depth - 1, '[') +
           std::string(depth - 1, ']') + "}";
  };
  EXPECT_EQ(Parse(nested(kMaxEventDepth - 1)), "5 A ");
  EXPECT_THAT(Parse(nested(kMaxEventDepth + 1)), HasSubstr("nested deeper"));
}

TEST_F(EventParserTest, TakesNumbersOfAnyLength) {
  EXPECT_EQ(Parse(R"({"timestamp":5,"type":"A","x":123456789012345678901234567890})"), "5 A ");
  EXPECT_EQ(Parse(R"({"timestamp":5,"type":"A","x":[-1e999]})"), "5 A ");
}

TEST_F(EventParserTest, RefusesLongNumbersThatAreNone) {
  EXPECT_THAT(Parse(R"({"timestamp":5,"type":"A","x":0123456789012345678901234567890})"),
              HasSubstr("no JSON"));
  EXPECT_THAT(Parse(R"({"timestamp":5,"type":"A","x":1e999.5})"), HasSubstr("no JSON"));
}

TEST(LongNumbersTest, BlanksOnlyNumbersAndOnlyLongOnes) {
  std::string out;
  EXPECT_TRUE(BlankLongNumbers(R"({"12345678901234567890":12345678901234567890,"a":12})", &out));
  EXPECT_EQ(out, R"({"12345678901234567890":null                ,"a":12})");
  EXPECT_FALSE(BlankLongNumbers(R"({"a":"1e999","b":17})", &out));
  EXPECT_FALSE(BlankLongNumbers("\"", &out));
  EXPECT_FALSE(BlankLongNumbers("\"\\", &out));
}

TEST(JsonPointerTest, RefusesPointersThatAreNone) {
  EXPECT_TRUE(CheckJsonPointer("--type-field", "/a/~0~1/0").ok());
  for (const char* pointer : {"", "a", "/a~", "/a~2"}) {
    EXPECT_FALSE(CheckJsonPointer("--type-field", pointer).ok()) << pointer;
  }
}

}  // namespace
}  // namespace carillon
