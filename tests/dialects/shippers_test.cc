// Loki, collectd, CloudEvents.
#include "tests/dialects/dialect_fixture.h"

namespace carillon {
namespace {

using LokiTest = DialectTest;
using CollectdTest = DialectTest;
using CloudEventsTest = DialectTest;

TestRequest Loki(std::string body) {
  // "user:pw"
  return TestRequest(
      "POST /loki/api/v1/push",
      {{"Authorization", "Basic dXNlcjpwdw=="}, {"Content-Type", "application/json"}},
      std::move(body));
}

TEST_F(LokiTest, TakesLinesWithTheirLabels) {
  // As pino-loki 3.0 writes it.
  const TestRequest request =
      Loki(R"({"streams":[{"stream":{"level":"info", "job":"web"},"values":)"
           R"([["1700000000123456789","one \"1\""],["1700000001000000000","two",{"trace":"t"}]]},)"
           R"({"stream":{},"values":[["1700000002000000000","three"]]}]})");
  ASSERT_TRUE(Send(request).ok());
  EXPECT_EQ(dialect_, "loki");
  EXPECT_EQ(key_, "pw");
  ASSERT_EQ(events_.size(), 3u);
  EXPECT_EQ(Stream(0), "web");
  EXPECT_EQ(Time(0), 1700000000123456);
  EXPECT_EQ(Json(0), R"({"message":"one \"1\"","labels":{"level":"info","job":"web"}})");
  EXPECT_EQ(Json(1),
            R"({"message":"two","labels":{"level":"info","job":"web"},"metadata":{"trace":"t"}})");
  EXPECT_EQ(Stream(2), "");
  EXPECT_EQ(Answer(request).status, 204);
}

TEST_F(LokiTest, RejectsAValueThatIsNone) {
  const TestRequest request =
      Loki(R"({"streams":[{"stream":{},"values":[["1"],["1","x"],7,["1",2],["1","\ud800"]]}]})");
  ASSERT_TRUE(Send(request).ok());
  EXPECT_EQ(events_.rejected(), 4u);
  EXPECT_EQ(Why(0), "values[0]: want [\"time\", \"line\"]");
  EXPECT_EQ(Answer(request).status, 204);
  EXPECT_EQ(Message(Send(Loki(R"({"streams":[{"stream":{}}]})"))), "values: want an array");
  EXPECT_EQ(Message(Send(Loki("[]"))), "streams: want an array");
}

TEST_F(LokiTest, SaysThatItTakesNoProtobuf) {
  const TestRequest request("POST /loki/api/v1/push", {{"Content-Type", "application/x-protobuf"}},
                            "\x01\x02");
  EXPECT_FALSE(Send(request).ok());
  EXPECT_EQ(Answer(request).status, 415);
}

TEST_F(CollectdTest, TakesValueLists) {
  const TestRequest request(
      "POST /collectd", {{"Content-Type", "application/json"}},
      R"([{"values":[1901474177],"dstypes":["counter"],"dsnames":["value"],"time":1280959128.123,)"
      R"("interval":10.000,"host":"leeloo","plugin":"cpu","plugin_instance":"0","type":"cpu",)"
      R"("type_instance":"idle"},3])");
  ASSERT_TRUE(Send(request).ok());
  EXPECT_EQ(dialect_, "collectd");
  EXPECT_EQ(Stream(0), "cpu");
  EXPECT_EQ(Time(0), 1280959128123000);
  EXPECT_NE(Json(0).find(R"("interval":10.000)"), std::string::npos);
  EXPECT_EQ(Why(1), "values[1]: no JSON object");
  EXPECT_EQ(Answer(request).status, 204);
  EXPECT_FALSE(Send(TestRequest("POST /collectd", {}, "PUTVAL h/cpu/idle 1:2\n")).ok());
}

std::vector<std::pair<std::string, std::string>> Binary(std::string type) {
  return {{"ce-id", "1%C3%A9"},
          {"ce-source", "/shop+a"},
          {"ce-type", "order.made"},
          {"ce-specversion", "1.0"},
          {"ce-time", "2023-11-14T22:13:20Z"},
          {"Content-Type", std::move(type)}};
}

TEST_F(CloudEventsTest, TakesABinaryEvent) {
  const TestRequest request("POST /any/where", Binary("application/json"), R"({ "n": 1.0 })");
  ASSERT_TRUE(Send(request).ok());
  EXPECT_EQ(dialect_, "cloudevents");
  EXPECT_EQ(Stream(0), "order.made");
  EXPECT_EQ(Id(0), "/shop+a 1\xc3\xa9");
  EXPECT_EQ(Time(0), 1700000000000000);
  EXPECT_EQ(Json(0),
            "{\"specversion\":\"1.0\",\"id\":\"1\xc3\xa9\",\"source\":\"/shop+a\",\"type\":"
            "\"order.made\",\"time\":\"2023-11-14T22:13:20Z\",\"datacontenttype\":"
            "\"application/json\",\"data\":{\"n\":1.0}}");
  EXPECT_EQ(Answer(request).status, 204);
}

TEST_F(CloudEventsTest, TakesDataOfAnyKind) {
  ASSERT_TRUE(Send(TestRequest("POST /", Binary("text/plain"), "hi")).ok());
  EXPECT_NE(Json(0).find(R"("data":"hi")"), std::string::npos);
  ASSERT_TRUE(Send(TestRequest("POST /", Binary("image/x"), "\xff")).ok());
  EXPECT_NE(Json(0).find(R"("data_base64":"/w==")"), std::string::npos);
  ASSERT_TRUE(Send(TestRequest("POST /", Binary("application/json"))).ok());
  EXPECT_EQ(Json(0).find("\"data\""), std::string::npos);
  EXPECT_FALSE(Send(TestRequest("POST /", Binary("application/json"), "{")).ok());
  auto headers = Binary("text/plain");
  headers.erase(headers.begin());
  EXPECT_EQ(Message(Send(TestRequest("POST /", headers, "x"))), "ce-id: not there");
}

TEST_F(CloudEventsTest, TakesStructuredEventsAndBatches) {
  const std::string event = R"({"specversion":"1.0","id":"7","source":"s","type":"t","data":1})";
  ASSERT_TRUE(
      Send(TestRequest("POST /x", {{"Content-Type", "application/cloudevents+json"}}, event)).ok());
  EXPECT_EQ(Json(0), event);
  EXPECT_EQ(Id(0), "s 7");
  const TestRequest batch("POST /x", {{"Content-Type", "application/cloudevents-batch+json"}},
                          "[" + event + R"(,{"id":"8"},5])");
  ASSERT_TRUE(Send(batch).ok());
  EXPECT_EQ(Stream(0), "t");
  EXPECT_EQ(Why(1), "events[1]: specversion: not there");
  EXPECT_EQ(Why(2), "events[2]: no JSON object");
}

}  // namespace
}  // namespace carillon
