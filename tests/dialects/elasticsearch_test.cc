#include "collector/dialects/elasticsearch.h"

#include "tests/dialects/dialect_fixture.h"

namespace carillon {
namespace {

using ElasticsearchTest = DialectTest;

TestRequest Bulk(std::string body, std::string target = "POST /_bulk") {
  return TestRequest(
      target,
      {{"Authorization", "ApiKey k1"},
       {"Content-Type", "application/vnd.elasticsearch+x-ndjson; compatible-with=9"}},
      std::move(body));
}

TEST_F(ElasticsearchTest, TakesIndexAndCreate) {
  const TestRequest request = Bulk(
      "{\"create\":{\"_index\":\"logs\",\"_id\":\"a\"}}\n"
      "{\"@timestamp\":\"2023-11-14T22:13:20Z\",\"n\":1.0}\n"
      "{ \"index\" : {} }\r\n{\"@timestamp\":1700000000123, \"n\":2}\n",
      "POST /other/_bulk");
  ASSERT_TRUE(Send(request).ok());
  EXPECT_EQ(dialect_, "elasticsearch");
  EXPECT_EQ(key_, "k1");
  ASSERT_EQ(events_.size(), 2u);
  EXPECT_EQ(Stream(0), "logs");
  EXPECT_EQ(Id(0), "a");
  EXPECT_EQ(Time(0), 1700000000000000);
  EXPECT_EQ(Json(0), R"({"@timestamp":"2023-11-14T22:13:20Z","n":1.0})");
  EXPECT_EQ(Stream(1), "other");
  EXPECT_EQ(Id(1), "");
  EXPECT_EQ(Time(1), 1700000000123000);
  EXPECT_EQ(Json(1), R"({"@timestamp":1700000000123,"n":2})");
  const EdgeAnswer answer = Answer(request);
  EXPECT_EQ(answer.headers.at(0).first, "X-Elastic-Product");
  EXPECT_EQ(answer.body,
            R"({"took":0,"errors":false,"items":[{"create":{"_index":"logs","_id":"a",)"
            R"("_version":1,"result":"created","status":201}},{"index":{"_index":"other","_id":"",)"
            R"("_version":1,"result":"created","status":201}}]})");
}

TEST_F(ElasticsearchTest, AnswersEachItemThatItCannotTake) {
  const TestRequest request = Bulk(
      "{\"delete\":{\"_index\":\"i\",\"_id\":\"1\"}}\n"
      "{\"update\":{\"_index\":\"i\",\"_id\":\"2\"}}\n{\"doc\":{}}\n"
      "{\"index\":{\"_index\":\"i\"}}\n{broken\n"
      "{\"index\":{\"_index\":\"i\"}}\n[]\n"
      "{\"index\":{\"_index\":\"i\"}}\n{}\n");
  ASSERT_TRUE(Send(request).ok());
  ASSERT_EQ(events_.size(), 5u);
  EXPECT_EQ(events_.rejected(), 4u);
  EXPECT_EQ(Why(0), "items[0]: delete is not supported: events are never changed");
  EXPECT_EQ(Why(1), "items[1]: update is not supported: events are never changed");
  EXPECT_EQ(Why(2), "items[2]: JSON: want the name of a member at byte 1");
  EXPECT_EQ(Why(3), "items[3]: no JSON object");
  events_.Reject(4, {.code = StatusCode::kResourceExhausted, .text = "quota"});
  const std::string body = Answer(request).body;
  EXPECT_TRUE(body.starts_with(R"({"took":0,"errors":true,"items":[{"delete":{"_index":"i",)"
                               R"("_id":"1","status":400,"error":{"type":"mapper_parsing)"));
  EXPECT_TRUE(body.ends_with(R"({"index":{"_index":"i","_id":"","status":429,"error":{"type":)"
                             R"("es_rejected_execution_exception","reason":"quota"}}}]})"));
}

TEST_F(ElasticsearchTest, RefusesWhatIsNoBulk) {
  EXPECT_EQ(Message(Send(Bulk(""))), "body: no actions");
  EXPECT_EQ(Message(Send(Bulk("{\"index\":{}}\n"))), "line 1: index without its document");
  EXPECT_EQ(Message(Send(Bulk("{\"index\":{}}\n{}\n\n{}\n"))),
            "line 4: want an action: index, create, update, or delete");
  const TestRequest request = Bulk("{\"index\":{}}\n{}\n{\"a\":");
  EXPECT_EQ(Message(Send(request)), "line 3: JSON ends too early, at byte 5");
  EXPECT_EQ(Answer(request).body,
            R"({"error":{"type":"illegal_argument_exception",)"
            R"("reason":"line 3: JSON ends too early, at byte 5"},"status":400})");
}

TEST_F(ElasticsearchTest, UnderstandsBothKindsOfApiKeys) {
  TestRequest request = Bulk("{\"index\":{}}\n{}\n");
  request.headers[0].second = "ApiKey aWQ6c2VjcmV0";  // id:secret
  ASSERT_TRUE(Send(request).ok());
  EXPECT_EQ(key_, "secret");
  request.headers[0].second = "Basic ZWxhc3RpYzpwdw==";  // elastic:pw
  ASSERT_TRUE(Send(request).ok());
  EXPECT_EQ(key_, "pw");
}

TEST_F(ElasticsearchTest, PassesTheProductCheck) {
  const TestRequest request("GET /", {{"User-Agent", "elastic-es/9.4.0"}});
  ASSERT_TRUE(Send(request).ok());
  EXPECT_EQ(dialect_, "elasticsearch");
  EXPECT_EQ(Answer(request).headers.at(0).second, "Elasticsearch");
  EXPECT_NE(Answer(request).body.find("You Know, for Search"), std::string::npos);
  EXPECT_EQ(FindDialect(TestRequest("GET /")), nullptr);
}

}  // namespace
}  // namespace carillon
