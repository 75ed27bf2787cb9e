#include "tools/carillon/input/time_argument.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace carillon {
namespace {

using ::testing::ElementsAre;

constexpr Epoch kNow{1428415043};

TEST(TimeArgumentTest, CountsBackFromNow) {
  EXPECT_EQ(ParseTimeArgument("-90s", kNow).value(), Epoch{kNow.value() - 90});
  EXPECT_EQ(ParseTimeArgument("-5m", kNow).value(), Epoch{kNow.value() - 300});
  EXPECT_EQ(ParseTimeArgument("-2h", kNow).value(), Epoch{kNow.value() - 7200});
  EXPECT_EQ(ParseTimeArgument("-1d", kNow).value(), Epoch{kNow.value() - 86400});
}

TEST(TimeArgumentTest, TakesNowSecondsAndRfc3339) {
  EXPECT_EQ(ParseTimeArgument("now", kNow).value(), kNow);
  EXPECT_EQ(ParseTimeArgument("1428415000", kNow).value(), Epoch{1428415000});
  EXPECT_EQ(ParseTimeArgument("2015-04-07T13:57:23Z", kNow).value(), kNow);
}

TEST(TimeArgumentTest, RefusesWhatIsNoTime) {
  for (const char* text : {"", "-", "-5", "-m", "-5w", "--5m", "-5.5m", "yesterday", "5m",
                           "-99999999999999999999d", "-999999d", "12x"}) {
    EXPECT_FALSE(ParseTimeArgument(text, kNow).ok()) << text;
  }
}

TEST(TimeArgumentTest, ReadsTheLastFiveMinutesIfNothingIsSaid) {
  const EpochRange range = ParseRangeArguments("", "", kNow).value();
  EXPECT_EQ(range, (EpochRange{Epoch{kNow.value() - 300}, Epoch{kNow.value() + 1}}));
}

TEST(TimeArgumentTest, RefusesAnEmptyRange) {
  EXPECT_FALSE(ParseRangeArguments("now", "-5m", kNow).ok());
  EXPECT_FALSE(ParseRangeArguments("now", "now", kNow).ok());
}

TEST(TimeArgumentTest, JoinsADashedValueToItsOption) {
  EXPECT_THAT(JoinDashedValues({"read", "--from", "-5m", "--to", "-90s", "-n", "5"}),
              ElementsAre("read", "--from=-5m", "--to=-90s", "-n", "5"));
}

TEST(TimeArgumentTest, LeavesOtherArgumentsAlone) {
  EXPECT_THAT(
      JoinDashedValues({"--from=-5m", "-1h", "put", "-", "--strict", "-x", "--", "--a", "-5m"}),
      ElementsAre("--from=-5m", "-1h", "put", "-", "--strict", "-x", "--", "--a", "-5m"));
}

TEST(TimeArgumentTest, ReadsDurations) {
  EXPECT_EQ(ParseSecondsArgument("--for", "30").value(), 30);
  EXPECT_EQ(ParseSecondsArgument("--for", "0.5").value(), 0.5);
  EXPECT_EQ(ParseSecondsArgument("--for", "5m").value(), 300);
}

TEST(TimeArgumentTest, RefusesDurationsThatAreNone) {
  for (const char* text : {"", "0", "-1", "x", "s", "1e9", "inf", "nan", "400d"}) {
    EXPECT_FALSE(ParseSecondsArgument("--for", text).ok()) << text;
  }
}

}  // namespace
}  // namespace carillon
