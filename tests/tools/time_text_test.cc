#include "tools/carillon/input/time_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace carillon {
namespace {

using ::testing::HasSubstr;

std::string Error(const StatusOr<Epoch>& epoch) {
  return epoch.ok() ? "" : std::string(Message(epoch.status()));
}

TEST(TimeTextTest, ReadsSecondsAndCutsTheirFractions) {
  EXPECT_EQ(ParseUnixTime("1428415043").value(), Epoch{1428415043});
  EXPECT_EQ(ParseUnixTime("1428415043.999").value(), Epoch{1428415043});
}

TEST(TimeTextTest, ReadsMilliseconds) {
  EXPECT_EQ(ParseUnixMillis("1517363399650").value(), Epoch{1517363399});
}

TEST(TimeTextTest, SaysThatSecondsMayBeMilliseconds) {
  EXPECT_THAT(Error(ParseUnixTime("1517363399650")), HasSubstr("milliseconds?"));
}

TEST(TimeTextTest, RefusesTimesBefore1970) {
  EXPECT_THAT(Error(ParseUnixTime("-1")), HasSubstr("before 1970"));
  EXPECT_THAT(Error(ParseRfc3339("1969-12-31T23:59:59Z")), HasSubstr("before 1970"));
}

TEST(TimeTextTest, RefusesWhatIsNoNumber) {
  for (const char* text : {"", "x", "1 ", "1e5", "0x10", "nan", "inf", "1.2.3"}) {
    EXPECT_FALSE(ParseUnixTime(text).ok()) << text;
  }
}

TEST(TimeTextTest, ReadsRfc3339InUtc) {
  EXPECT_EQ(ParseRfc3339("2015-04-07T13:57:23Z").value(), Epoch{1428415043});
  EXPECT_EQ(ParseRfc3339("2015-04-07t13:57:23.75z").value(), Epoch{1428415043});
}

TEST(TimeTextTest, ReadsRfc3339WithAnOffset) {
  EXPECT_EQ(ParseRfc3339("2015-04-07 15:57:23+02:00").value(), Epoch{1428415043});
  EXPECT_EQ(ParseRfc3339("2015-04-07T09:27:23-04:30").value(), Epoch{1428415043});
}

TEST(TimeTextTest, CountsALeapSecondAsTheNextOne) {
  EXPECT_EQ(ParseRfc3339("2016-12-31T23:59:60Z").value(), Epoch{1483228800});
}

TEST(TimeTextTest, RefusesRfc3339ThatIsIncompleteOrDoesNotExist) {
  for (const char* text :
       {"2015-04-07T13:57:23", "2015-04-07", "2015-04-07T13:57:23.Z", "2015-02-29T00:00:00Z",
        "2015-13-01T00:00:00Z", "2015-04-07T24:00:00Z", "2015-04-07T13:57:23Z ",
        "2015-04-07T13:57:23+2:00", "+015-04-07T13:57:23Z", "2015-04-07T13:57:23."}) {
    EXPECT_FALSE(ParseRfc3339(text).ok()) << text;
  }
}

TEST(TimeTextTest, ReadsTheTimeOfAccessLogs) {
  EXPECT_EQ(ParseClfTime("17/May/2015:10:05:03 +0000").value(), Epoch{1431857103});
  EXPECT_EQ(ParseClfTime("17/May/2015:12:05:03 +0200").value(), Epoch{1431857103});
}

TEST(TimeTextTest, RefusesTimesThatAccessLogsDoNotHave) {
  for (const char* text : {"17/Mai/2015:10:05:03 +0000", "17/May/2015:10:05:03",
                           "32/May/2015:10:05:03 +0000", "17/May/2015:10:05:03 +0000]", "-"}) {
    EXPECT_FALSE(ParseClfTime(text).ok()) << text;
  }
}

TEST(TimeTextTest, ReadsAPatternAsUtc) {
  EXPECT_EQ(ParseWithPattern("%Y/%m/%d %H:%M", "2001/01/01 00:47").value(), Epoch{978310020});
}

TEST(TimeTextTest, ReadsAPatternWithAZone) {
  EXPECT_EQ(ParseWithPattern("%Y-%m-%d %H:%M %z", "2001-01-01 02:47 +0200").value(),
            Epoch{978310020});
}

TEST(TimeTextTest, WantsTheWholeTextToMatchThePattern) {
  EXPECT_FALSE(ParseWithPattern("%Y/%m/%d", "2001/01/01 00:47").ok());
  EXPECT_FALSE(ParseWithPattern("%Y/%m/%d", "2001/01").ok());
  EXPECT_FALSE(ParseWithPattern("%Y", std::string("2001\0x", 6)).ok());
}

TEST(TimeTextTest, KnowsItsFormatsByName) {
  EXPECT_EQ(ParseTimeFormat("unix_ms")->kind, TimeKind::kUnixMs);
  EXPECT_EQ(ParseTimeFormat("strptime:%Y")->pattern, "%Y");
  EXPECT_FALSE(ParseTimeFormat("strptime:").ok());
  EXPECT_FALSE(ParseTimeFormat("UNIX").ok());
}

TEST(TimeTextTest, WritesWhatItReads) {
  EXPECT_EQ(FormatTime(Epoch{1428415043}), "2015-04-07T13:57:23Z");
  EXPECT_EQ(ParseRfc3339(FormatTime(Epoch{951782400})).value(), Epoch{951782400});
}

TEST(TimeTextTest, RefusesNumbersThatFitNoInteger) {
  EXPECT_FALSE(ParseTimeNumber({TimeKind::kUnix, {}}, 1e300).ok());
  EXPECT_FALSE(ParseTimeNumber({TimeKind::kUnix, {}}, -1e300).ok());
}

}  // namespace
}  // namespace carillon
