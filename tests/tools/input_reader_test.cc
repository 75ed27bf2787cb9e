#include "tools/carillon/input/input_reader.h"

#include <fstream>
#include <set>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/tools/support.h"

namespace carillon {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

std::string Sample(const std::string& name) {
  std::ifstream file(std::string(CARILLON_TEST_DATA) + "/samples/" + name, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::vector<Kept> Good(const std::string& name, const FieldChoices& choices) {
  std::vector<Kept> events = ReadEvents(FromText(Sample(name)), InputFormat::kAuto, choices);
  for (const Kept& event : events) EXPECT_EQ(event.problem, "") << name << ":" << event.line;
  return events;
}

TEST(DetectFormatTest, KnowsFormatsByTheirBeginning) {
  EXPECT_EQ(DetectFormat("{\"a\":1}\n{\"a\":2}\n"), InputFormat::kNdjson);
  EXPECT_EQ(DetectFormat("\n {\"a\":\"}{\\\"\"} \n"), InputFormat::kNdjson);
  EXPECT_EQ(DetectFormat("{\"a\":1}"), InputFormat::kNdjson);
  EXPECT_EQ(DetectFormat("[{\"a\":1}"), InputFormat::kJson);
  EXPECT_EQ(DetectFormat("{\n  \"a\": 1\n}"), InputFormat::kJson);
  EXPECT_EQ(DetectFormat("{\"a\":1}{\"a\":2}\n"), InputFormat::kJson);
  EXPECT_EQ(DetectFormat("1.2.3.4 - - [17/May"), InputFormat::kClf);
  EXPECT_EQ(DetectFormat(""), InputFormat::kNdjson);
}

TEST(DetectFormatTest, TakesABrokenFirstLineForOneOfNdjson) {
  EXPECT_EQ(DetectFormat("{\"a\":\n{\"a\":2}\n"), InputFormat::kNdjson);
  EXPECT_EQ(DetectFormat("{\"a\":\"" + std::string(70'000, 'x')), InputFormat::kNdjson);
}

TEST(InputReaderTest, ReadsWebhooks) {
  FieldChoices choices;
  choices.time = Epoch{1428415043};
  choices.type_pointer = "/event";
  const auto events = Good("github_webhooks.ndjson", choices);
  ASSERT_THAT(events, SizeIs(20));
  std::istringstream lines(Sample("github_webhooks.ndjson"));
  for (const Kept& event : events) {
    std::string line;
    std::getline(lines, line);
    EXPECT_EQ(event.text, line);
    EXPECT_EQ(event.epoch, 1428415043u);
  }
}

TEST(InputReaderTest, ReadsEarthquakes) {
  FieldChoices choices;
  choices.time_pointer = "/properties/time";
  choices.time_format = TimeFormat{TimeKind::kUnixMs, ""};
  choices.type_pointer = "/properties/type";
  const auto events = Good("earthquakes.ndjson", choices);
  ASSERT_THAT(events, SizeIs(40));
  EXPECT_THAT(events[0].text, HasSubstr(fmt::format("\"time\": {}", events[0].epoch)));
}

TEST(InputReaderTest, ReadsFlights) {
  FieldChoices choices;
  choices.time_pointer = "/date";
  choices.time_format = TimeFormat{TimeKind::kStrptime, "%Y/%m/%d %H:%M"};
  choices.type = "flight";
  choices.subtype_pointer = "/origin";
  const auto events = Good("flights.json", choices);
  ASSERT_THAT(events, SizeIs(50));
  EXPECT_EQ(events[0].epoch, 978310020u);
  EXPECT_EQ(events[0].type, "flight");
  EXPECT_EQ(events[0].subtype, "DTW");
  EXPECT_THAT(Sample("flights.json"), HasSubstr(events[49].text));
}

TEST(InputReaderTest, ReadsAccessLogs) {
  const auto events = Good("access.log", {});
  ASSERT_THAT(events, SizeIs(41));
  EXPECT_EQ(events[0].epoch, 1431857103u);
  EXPECT_EQ(events[0].type, "access");
  EXPECT_EQ(events[0].subtype, "");
}

TEST(InputReaderTest, LetsAccessLogsBeFiledByTheirFields) {
  FieldChoices choices;
  choices.type_pointer = "/method";
  choices.subtype_pointer = "/status";
  const auto events = Good("access.log", choices);
  EXPECT_EQ(events[0].type, "GET");
  EXPECT_EQ(events[0].subtype, "200");
}

TEST(InputReaderTest, GivesTheSameHoweverTheBytesCome) {
  const std::string text = "\xEF\xBB\xBF" + Sample("access.log");
  const auto whole = ReadEvents(FromText(text), InputFormat::kAuto, {});
  for (const std::size_t step : {1u, 7u, 4093u}) {
    EXPECT_EQ(Texts(ReadEvents(FromText(text, step), InputFormat::kAuto, {})), Texts(whole));
  }
}

TEST(InputReaderTest, GoesOnBehindABadLine) {
  const auto events = ReadEvents(
      FromText("{\"timestamp\":1,\"type\":\"A\"}\n{oops}\n\n{\"timestamp\":2,\"type\":\"B\"}\n"),
      InputFormat::kAuto, {});
  ASSERT_THAT(events, SizeIs(3));
  EXPECT_THAT(events[1].problem, HasSubstr("no JSON"));
  EXPECT_EQ(events[1].source, "{oops}");
  EXPECT_EQ(events[1].line, 2u);
  EXPECT_EQ(events[2].type, "B");
  EXPECT_EQ(events[2].line, 4u);
}

TEST(InputReaderTest, KeepsTheSourceOfABadAccessLogLine) {
  const auto events = ReadEvents(FromText("nonsense\n"), InputFormat::kClf, {});
  ASSERT_THAT(events, SizeIs(1));
  EXPECT_EQ(events[0].source, "nonsense");
  EXPECT_THAT(events[0].problem, HasSubstr("no access log line"));
}

}  // namespace
}  // namespace carillon
