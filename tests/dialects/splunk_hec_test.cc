#include "collector/dialects/splunk_hec.h"

#include "tests/dialects/dialect_fixture.h"

namespace carillon {
namespace {

using SplunkTest = DialectTest;

TestRequest Hec(std::string body, std::string target = "POST /services/collector/event/1.0") {
  return TestRequest(
      target,
      {{"Authorization", "Splunk tok"}, {"Content-Type", "application/x-www-form-urlencoded"}},
      std::move(body));
}

TEST_F(SplunkTest, TakesEventsOneBehindTheOther) {
  // Two events of splunk-logging 0.11.1.
  const TestRequest request =
      Hec(R"({"time":"1700000000.123","host":"h1","source":"app","sourcetype":"httpevent",)"
          R"("index":"main","event":{"message":"hi","severity":"info"}})"
          R"({"time":1700000001,"event":"plain text"})");
  ASSERT_TRUE(Send(request).ok());
  EXPECT_EQ(dialect_, "splunk_hec");
  EXPECT_EQ(key_, "tok");
  ASSERT_EQ(events_.size(), 2u);
  EXPECT_EQ(Stream(0), "main.httpevent");
  EXPECT_EQ(Time(0), 1700000000123000);
  EXPECT_EQ(Json(0), R"({"message":"hi","severity":"info","host":"h1","source":"app",)"
                     R"("sourcetype":"httpevent","index":"main"})");
  EXPECT_EQ(Stream(1), "");
  EXPECT_EQ(Json(1), R"({"message":"plain text"})");
  EXPECT_EQ(Answer(request).body, R"({"text":"Success","code":0})");
}

TEST_F(SplunkTest, EventKeepsItsOwnHost) {
  ASSERT_TRUE(Send(Hec(R"([{"event":{"host":"mine"},"host":"h","fields":{"a":1}},{"event":[1]},)"
                       R"({"event":{},"sourcetype":"s"}])"))
                  .ok());
  EXPECT_EQ(Json(0), R"({"host":"mine","fields":{"a":1}})");
  EXPECT_EQ(Json(1), R"({"message":[1]})");
  EXPECT_EQ(Json(2), R"({"sourcetype":"s"})");
  EXPECT_EQ(Stream(2), "s");
}

TEST_F(SplunkTest, TellsWhichEventIsNone) {
  TestRequest request = Hec(R"({"event":1}{"time":1}{"event":2})");
  ASSERT_TRUE(Send(request).ok());
  EXPECT_EQ(events_.rejected(), 1u);
  EXPECT_EQ(Answer(request).status, 400);
  EXPECT_EQ(Answer(request).body,
            R"({"text":"Event field is required","code":12,"invalid-event-number":1})");
  TestRequest deep = Hec(R"({"event":{"a":)" + Nested(63) + "}}");
  ASSERT_TRUE(Send(deep).ok());
  EXPECT_EQ(Answer(deep).body, R"({"text":"events[0]: nested deeper than 64 levels","code":6,)"
                               R"("invalid-event-number":0})");
  EXPECT_TRUE(Send(Hec(R"({"event":{"a":)" + Nested(62) + "}}")).ok());
  EXPECT_EQ(events_.rejected(), 0u);
}

TEST_F(SplunkTest, AnswersInSplunksCodes) {
  const TestRequest empty = Hec(" \n");
  EXPECT_FALSE(Send(empty).ok());
  EXPECT_EQ(Answer(empty).body, R"({"text":"No data","code":5})");
  const TestRequest broken = Hec(R"({"event":1}{"event")");
  EXPECT_FALSE(Send(broken).ok());
  EXPECT_EQ(Answer(broken).status, 400);
  EXPECT_NE(Answer(broken).body.find(R"("code":6)"), std::string::npos);
  const Status unknown = MakeStatus(StatusCode::kUnauthenticated, "");
  EXPECT_EQ(AnswerTo(broken, unknown, true).status, 401);
  EXPECT_EQ(AnswerTo(broken, unknown, true).body, R"({"text":"Token is required","code":2})");
  EXPECT_EQ(AnswerTo(broken, unknown).status, 403);
  EXPECT_EQ(AnswerTo(broken, unknown).body, R"({"text":"Invalid token","code":4})");
  EXPECT_EQ(AnswerTo(broken, Unavailable("")).body, R"({"text":"Server is busy","code":9})");
  EXPECT_EQ(AnswerTo(broken, ResourceExhausted("")).status, 429);
}

TEST_F(SplunkTest, RawIsAnEventALine) {
  ASSERT_TRUE(
      Send(Hec("one\r\n\ntwo \"2\"\n\xff", "POST /services/collector/raw?host=h&sourcetype=st"))
          .ok());
  EXPECT_EQ(dialect_, "splunk_raw");
  ASSERT_EQ(events_.size(), 3u);
  EXPECT_EQ(Json(0), R"({"message":"one","host":"h","sourcetype":"st"})");
  EXPECT_EQ(Json(1), R"({"message":"two \"2\"","host":"h","sourcetype":"st"})");
  EXPECT_EQ(Json(2), "{\"message\":\"\xef\xbf\xbd\",\"host\":\"h\",\"sourcetype\":\"st\"}");
  EXPECT_EQ(Stream(0), "st");
  EXPECT_FALSE(Send(Hec("\n", "POST /services/collector/raw/1.0")).ok());
}

TEST_F(SplunkTest, IsHealthy) {
  const TestRequest request("GET /services/collector/health");
  ASSERT_TRUE(Send(request).ok());
  EXPECT_EQ(Answer(request).status, 200);
}

}  // namespace
}  // namespace carillon
