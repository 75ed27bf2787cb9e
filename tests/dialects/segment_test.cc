#include "collector/dialects/segment.h"

#include "tests/dialects/dialect_fixture.h"

namespace carillon {
namespace {

using SegmentTest = DialectTest;

TEST_F(SegmentTest, TakesABatch) {
  // "wk:" in base64; the body is of @segment/analytics-node 3.1.0.
  const TestRequest request(
      "POST /v1/batch", {{"Authorization", "Basic d2s6"}, {"Content-Type", "application/json"}},
      R"({"batch":[{"event":"Signed Up","userId":"u1","properties":{"plan":"pro"},"type":"track",)"
      R"("messageId":"node-next-1700000000000-abc","timestamp":"2023-11-14T22:13:20.000Z"},)"
      R"({"type":"identify","userId":"u1","messageId":"m2","writeKey":"wk"}],)"
      R"("writeKey":"wk","sentAt":"2023-11-14T22:13:21.000Z"})");
  ASSERT_TRUE(Send(request).ok());
  EXPECT_EQ(dialect_, "segment");
  EXPECT_EQ(key_, "wk");
  ASSERT_EQ(events_.size(), 2u);
  EXPECT_EQ(Stream(0), "track");
  EXPECT_EQ(Id(0), "node-next-1700000000000-abc");
  EXPECT_EQ(Time(0), 1700000000000000);
  EXPECT_EQ(Stream(1), "identify");
  EXPECT_EQ(Json(1), R"({"type":"identify","userId":"u1","messageId":"m2"})");
  EXPECT_EQ(Answer(request).body, R"({"success":true})");
  EXPECT_EQ(AnswerTo(request, ResourceExhausted("over quota")).status, 429);
}

TEST_F(SegmentTest, FindsTheKeyInTheBody) {
  ASSERT_TRUE(
      Send(TestRequest("POST /v1/t", {{"Content-Type", "application/x-www-form-urlencoded"}},
                       R"({"event":"e","messageId":"m","writeKey":"wk"})"))
          .ok());
  EXPECT_EQ(key_, "wk");
  EXPECT_EQ(Stream(0), "track");
  EXPECT_EQ(Json(0), R"({"event":"e","messageId":"m"})");
}

TEST_F(SegmentTest, RefusesWhatIsNoBatch) {
  EXPECT_EQ(Message(Send(TestRequest("POST /v1/batch", {}, R"({"batch":{}})"))),
            "batch: want an array of messages");
  EXPECT_FALSE(Send(TestRequest("POST /v1/batch", {}, "x")).ok());
  EXPECT_EQ(key_, "");
  EXPECT_FALSE(Send(TestRequest("POST /v1/track", {}, "[]")).ok());
}

TEST_F(SegmentTest, RejectsAMessageWithAnEndlessId) {
  const std::string id(600, 'x');
  ASSERT_TRUE(Send(TestRequest("POST /v1/batch", {},
                               R"({"batch":[{"messageId":")" + id + R"("},{"messageId":"ok"}]})"))
                  .ok());
  EXPECT_EQ(Why(0), "batch[0]: its id has more than 512 bytes");
  EXPECT_EQ(Id(1), "ok");
}

}  // namespace
}  // namespace carillon
