#include "collector/dialects/sentry.h"

#include "tests/dialects/dialect_fixture.h"

namespace carillon {
namespace {

using SentryTest = DialectTest;

constexpr char kTarget[] = "POST /api/42/envelope/?sentry_version=7&sentry_key=pub";

TEST_F(SentryTest, TakesAnEnvelope) {
  const TestRequest request(
      kTarget, {},
      "{\"event_id\":\"e1\",\"sent_at\":\"2023-11-14T22:13:21Z\",\"sdk\":{}}\n"
      "{\"type\":\"event\"}\n"
      "{\"event_id\":\"e1\",\"timestamp\":1700000000.5,\"level\":\"error\"}\n"
      "{\"type\":\"attachment\",\"length\":5,\"filename\":\"x\"}\nab\ncd\n"
      "{\"type\":\"session\",\"length\":13}\n{\"sid\":\"s1\"}\n\n"
      "{\"type\":\"log\",\"item_count\":2}\n"
      "{\"items\":[{\"timestamp\":1,\"body\":\"a\"},{\"timestamp\":2,\"body\":\"b\"}]}\n"
      "{\"type\":\"client_report\"}\n{}");
  ASSERT_TRUE(Send(request).ok()) << Message(status_);
  EXPECT_EQ(dialect_, "sentry");
  EXPECT_EQ(key_, "pub");
  ASSERT_EQ(events_.size(), 4u);
  EXPECT_EQ(Stream(0), "42.event");
  EXPECT_EQ(Id(0), "e1");
  EXPECT_EQ(Time(0), 1700000000500000);
  EXPECT_EQ(Json(0), R"({"event_id":"e1","timestamp":1700000000.5,"level":"error"})");
  EXPECT_EQ(Stream(1), "42.session");
  EXPECT_EQ(Id(1), "");
  EXPECT_EQ(Json(2), R"({"timestamp":1,"body":"a"})");
  EXPECT_EQ(Stream(3), "42.log");
  EXPECT_EQ(Answer(request).body, R"({"id":"e1"})");
}

TEST_F(SentryTest, FindsTheKeyElsewhere) {
  const std::string body = "{\"dsn\":\"https://pub2@host/42\"}\n";
  ASSERT_TRUE(Send(TestRequest("POST /api/42/envelope/", {}, body)).ok());
  EXPECT_EQ(key_, "pub2");
  ASSERT_TRUE(Send(TestRequest("POST /api/42/store/",
                               {{"X-Sentry-Auth", "Sentry sentry_version=7, sentry_key=pub3, x=1"}},
                               R"({"event_id":"e2"})"))
                  .ok());
  EXPECT_EQ(key_, "pub3");
  EXPECT_EQ(Id(0), "e2");
  EXPECT_EQ(Stream(0), "42.event");
}

TEST_F(SentryTest, RefusesWhatIsNoEnvelope) {
  EXPECT_EQ(Message(Send(TestRequest(kTarget, {}, ""))),
            "envelope header: JSON ends too early, at byte 0");
  const TestRequest too_long(kTarget, {}, "{}\n{\"type\":\"event\",\"length\":9}\n{}\n");
  EXPECT_EQ(Message(Send(too_long)), "item 1: length: 9 of 3 bytes left");
  EXPECT_EQ(Answer(too_long).body, R"({"detail":"item 1: length: 9 of 3 bytes left"})");
  EXPECT_FALSE(Send(TestRequest(kTarget, {}, "{}\n{\"type\":\"event\",\"length\":-1}\n{}\n")).ok());
  EXPECT_FALSE(Send(TestRequest(kTarget, {}, "{}\nnot a header\n{}\n")).ok());
  ASSERT_TRUE(Send(TestRequest(kTarget, {}, "{}\n{\"type\":\"event\"}\n{broken\n")).ok());
  EXPECT_EQ(events_.rejected(), 1u);
}

}  // namespace
}  // namespace carillon
