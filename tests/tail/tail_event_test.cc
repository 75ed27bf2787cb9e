#include "collector/tail/tail_event.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace carillon {
namespace {

class LineReaderTest : public ::testing::Test {
 protected:
  std::string Read(std::string_view text, LineFormat format = LineFormat::kLine, bool cut = false) {
    events_.Clear();
    as_wanted_ = reader_.Add(
        {.text = text, .end = 9, .cut = cut},
        {.format = format, .stream = "app", .path = "/l", .host = "web1", .id = "tail-1"},
        &events_);
    EXPECT_EQ(events_.event(0).stream, "app");
    EXPECT_EQ(events_.event(0).id, "tail-1");
    return std::string(events_.event(0).json);
  }

  LineReader reader_;
  EventBatch events_;
  bool as_wanted_ = false;
};

TEST_F(LineReaderTest, MakesALineAMessage) {
  EXPECT_EQ(Read(R"(say "hi")"), R"({"message":"say \"hi\"","file":"/l","host":"web1"})");
  EXPECT_EQ(events_.event(0).time_us, std::nullopt);
  EXPECT_TRUE(as_wanted_);
}

TEST_F(LineReaderTest, MakesAnyBytesValidJson) {
  EXPECT_EQ(Read("a\xff\x01z"),
            "{\"message\":\"a\xef\xbf\xbd\\u0001z\",\"file\":\"/l\","
            "\"host\":\"web1\"}");
}

TEST_F(LineReaderTest, SaysThatALineIsCut) {
  EXPECT_EQ(Read("abc", LineFormat::kLine, true),
            R"({"message":"abc","file":"/l","host":"web1","cut":true})");
}

TEST_F(LineReaderTest, TakesAnEventInJsonAsItIs) {
  EXPECT_EQ(Read(R"({"timestamp":1428415043.5, "id":"x"})", LineFormat::kJson),
            R"({"timestamp":1428415043.5,"id":"x"})");
  EXPECT_EQ(events_.event(0).time_us, 1'428'415'043'500'000);
  EXPECT_TRUE(as_wanted_);
}

TEST_F(LineReaderTest, LosesNothingThatIsNoEventInJson) {
  for (const std::string_view text : {"{oops", "[1]", "7", R"({"timestamp":"never"})"}) {
    EXPECT_THAT(Read(text, LineFormat::kJson), ::testing::StartsWith(R"({"message":")")) << text;
    EXPECT_FALSE(as_wanted_);
  }
  EXPECT_THAT(Read(R"({"a":1})", LineFormat::kJson, true), ::testing::HasSubstr("cut"));
}

}  // namespace
}  // namespace carillon
