#include "server/http/query_string.h"

#include <gtest/gtest.h>

namespace carillon {
namespace {

TEST(PercentDecodeTest, DecodesEscapesOfEitherCase) {
  EXPECT_EQ(*PercentDecode("a%3Ab%2f%41", false), "a:b/A");
}

TEST(PercentDecodeTest, RefusesAnEscapeWithoutTwoDigits) {
  for (const char* text : {"%", "a%4", "%zz", "%4g1"}) {
    EXPECT_EQ(PercentDecode(text, false).status().code(), StatusCode::kInvalidArgument) << text;
  }
}

TEST(PercentDecodeTest, TakesAPlusForASpaceOnlyInQueries) {
  EXPECT_EQ(*PercentDecode("a+b", true), "a b");
  EXPECT_EQ(*PercentDecode("a+b", false), "a+b");
}

TEST(QueryStringTest, TellsAbsentFromEmpty) {
  const auto query = QueryString::Parse("a=&b", {"a", "b", "c"});
  ASSERT_TRUE(query.ok());
  EXPECT_EQ(query->Find("a"), "");
  EXPECT_EQ(query->Find("b"), "");
  EXPECT_EQ(query->Find("c"), std::nullopt);
}

TEST(QueryStringTest, SplitsAtTheFirstEqualsSign) {
  EXPECT_EQ(QueryString::Parse("a=b=c", {"a"})->Find("a"), "b=c");
}

TEST(QueryStringTest, NamesTheParameterItDoesNotKnow) {
  const auto query = QueryString::Parse("bukket=x", {"bucket"});
  EXPECT_EQ(Message(query.status()), "unknown parameter 'bukket'; there are: bucket");
}

TEST(QueryStringTest, RefusesAParameterGivenTwice) {
  EXPECT_EQ(Message(QueryString::Parse("a=1&a=1", {"a"}).status()), "parameter 'a' is given twice");
}

TEST(QueryStringTest, RefusesAnEmptyValueWhereItMakesNoSense) {
  const auto query = QueryString::Parse("a=", {"a"});
  EXPECT_EQ(query->NonEmpty("a", "x").status().code(), StatusCode::kInvalidArgument);
}

TEST(QueryStringTest, RefusesAFlagThatIsNeitherOnNorOff) {
  const auto query = QueryString::Parse("a=maybe&b=1", {"a", "b", "c"});
  EXPECT_EQ(query->Flag("a").status().code(), StatusCode::kInvalidArgument);
  EXPECT_TRUE(*query->Flag("b"));
  EXPECT_FALSE(*query->Flag("c"));
}

}  // namespace
}  // namespace carillon
