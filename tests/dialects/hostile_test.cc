// What every dialect over HTTP does with what no client of it sends.
#include <simdjson.h>

#include "collector/dialects/json_document.h"
#include "tests/dialects/dialect_fixture.h"

namespace carillon {
namespace {

// A request line of each dialect, and what stands around one event in its body.
struct Shape {
  std::string target;
  std::string before;
  std::string after;
  std::vector<std::pair<std::string, std::string>> headers;
};

std::vector<Shape> Shapes() {
  return {
      {"POST /web_db/views", R"({"events":[)", "]}", {{"Authorization", "TD1 k"}}},
      {"POST /js/v3/event/web_db/views", "", "", {}},
      {"POST /android/v3/event", R"({"web_db.views":[)", "]}", {}},
      {"POST /postback/v3/event/web_db/views", "", "", {}},
      {"POST /v1/batch", R"({"batch":[)", "]}", {}},
      {"POST /services/collector", R"({"event":)", "}", {}},
      {"POST /services/collector/raw", "", "", {}},
      {"POST /_bulk", "{\"index\":{}}\n", "\n", {}},
      {"POST /v1/logs", R"({"resourceLogs":[{"scopeLogs":[{"logRecords":[)", "]}]}]}", {}},
      {"POST /v1/logs", "", "", {{"Content-Type", "application/x-protobuf"}}},
      {"POST /loki/api/v1/push", R"({"streams":[{"values":[["1","x",)", "]]}]}", {}},
      {"POST /batch/", R"({"batch":[)", "]}", {}},
      {"POST /e/", "", "", {}},
      {"POST /flags/", "", "", {}},
      {"GET /array/k/config", "", "", {}},
      {"POST /com.snowplowanalytics.snowplow/tp2", R"({"data":[)", "]}", {}},
      {"POST /track", "[", "]", {}},
      {"POST /2/httpapi", R"({"events":[)", "]}", {}},
      {"POST /api/1/envelope/", "{}\n{\"type\":\"event\"}\n", "\n", {}},
      {"POST /api/1/store/", "", "", {}},
      {"POST /collectd", "[", "]", {}},
      {"POST /x", "", "", {{"Content-Type", "application/cloudevents+json"}}},
      {"POST /x", "[", "]", {{"Content-Type", "application/cloudevents-batch+json"}}},
      {"POST /x",
       "",
       "",
       {{"ce-specversion", "1.0"}, {"ce-id", "1"}, {"ce-source", "s"}, {"ce-type", "t"}}},
  };
}

std::vector<std::string> Bodies() {
  std::string many_keys = "{";
  for (int i = 0; i < 100'000; ++i) many_keys += fmt::format("\"k{}\":1,", i);
  many_keys.back() = '}';
  std::string controls = "{";
  for (int i = 0; i < 100'000; ++i) controls += fmt::format("\"#{}\":1,", i);
  controls.back() = '}';
  std::string deep_objects;
  for (int i = 0; i < 100'000; ++i) deep_objects += R"({"a":)";
  return {"",
          "{}",
          "[]",
          "null",
          "7",
          "\"x\"",
          "{",
          R"({"a":)" + Nested(63) + "}",
          R"({"a":)" + Nested(64) + "}",
          R"({"a":)" + Nested(65) + "}",
          Nested(100'000),
          std::string(100'000, '['),
          deep_objects,
          R"({"a":1e999999,"b":123456789012345678901234567890123456789,"c":-0.0e-0})",
          R"({"a":"\ud800"})",
          R"({"\udfff":1})",
          R"({"a":1,"a":2,"time":1,"time":{}})",
          R"({"time":1e300,"timestamp":-1,"uuid":{},"event":[],"properties":[],"type":{}})",
          std::string("{\"a\":\"\0\"}", 9),
          std::string("\0\0\0", 3),
          "{\"a\":\"\xff\xfe\"}",
          "{\"a\":\"\xed\xa0\x80\"}",
          "{\"a\" :\n\t1 }",
          R"({"a":"x\u0000y\n"})",
          "{\"a\":1}\n{\"a\":",
          "\xef\xbb\xbf{}",
          controls,
          many_keys};
}

class HostileTest : public DialectTest {
 protected:
  void CheckEvents() {
    for (std::size_t i = 0; i < events_.size(); ++i) {
      if (events_.rejection(i) != nullptr) {
        EXPECT_FALSE(events_.rejection(i)->text.empty());
        continue;
      }
      const std::string json = Json(i);
      EXPECT_EQ(json.find('\n'), std::string::npos);
      JsonDocument document;
      EXPECT_TRUE(document.Parse(json).ok()) << json.substr(0, 200);
      EXPECT_TRUE(document.root().IsObject());
      EXPECT_LE(document.root().height(), kMaxEventDepth);
      simdjson::dom::parser parser;
      const auto error = parser.parse(json).error();
      EXPECT_TRUE(error == simdjson::SUCCESS || error == simdjson::NUMBER_ERROR)
          << simdjson::error_message(error) << json.substr(0, 200);
    }
  }
  void CheckAnswers(const TestRequest& request) {
    for (const StatusCode code :
         {StatusCode::kOk, StatusCode::kInvalidArgument, StatusCode::kUnauthenticated,
          StatusCode::kPermissionDenied, StatusCode::kResourceExhausted, StatusCode::kUnavailable,
          StatusCode::kOutOfRange, StatusCode::kInternal}) {
      if (code == StatusCode::kOk && !status_.ok()) continue;
      const EdgeAnswer answer = AnswerTo(request, MakeStatus(code, "no \"luck\"\n"));
      EXPECT_EQ(answer.status < 300 && code != StatusCode::kOk, false) << dialect_;
      if (answer.content_type == "application/json" && !answer.body.empty()) {
        JsonDocument document;
        EXPECT_TRUE(document.Parse(answer.body).ok()) << answer.body.substr(0, 200);
      }
    }
  }
};

TEST_F(HostileTest, EveryBodyIsTakenOrRefused) {
  for (const Shape& shape : Shapes()) {
    for (const std::string& body : Bodies()) {
      const TestRequest request(shape.target, shape.headers, shape.before + body + shape.after);
      const Status status = Send(request);
      ASSERT_NE(found_, nullptr) << shape.target;
      EXPECT_TRUE(status.ok() || status.code() == StatusCode::kInvalidArgument ||
                  status.code() == StatusCode::kOutOfRange)
          << shape.target << " " << ToString(status);
      EXPECT_EQ(status.ok(), Message(status).empty());
      CheckEvents();
      CheckAnswers(request);
    }
  }
}

TEST_F(HostileTest, EveryCutOfABodyIsTakenOrRefused) {
  for (const Shape& shape : Shapes()) {
    const std::string body = shape.before + R"({"a":{"b":[1,"\u0041",true]}})" + shape.after;
    for (std::size_t size = 0; size < body.size(); ++size) {
      const TestRequest request(shape.target, shape.headers, body.substr(0, size));
      (void)Send(request);
      CheckEvents();
      CheckAnswers(request);
    }
  }
}

TEST_F(HostileTest, NoKeyOfABodyIsInAnEvent) {
  const std::string canary = "CANARY";
  const std::string secrets =
      R"({"event":"e","api_key":"CANARY","writeKey":"CANARY","properties":{"token":"CANARY"}})";
  for (const Shape& shape : Shapes()) {
    if (shape.target.ends_with("/raw") || shape.target.find("collector") != std::string::npos ||
        shape.target.find("loki") != std::string::npos || shape.target.ends_with("bulk") ||
        shape.target == "POST /x" || shape.target.find("snowplow") != std::string::npos ||
        shape.target.ends_with("collectd")) {
      continue;  // they show keys in headers only: what is in a body is the client's own
    }
    (void)Send(TestRequest(shape.target, shape.headers, shape.before + secrets + shape.after));
    for (std::size_t i = 0; i < events_.size(); ++i) {
      const std::string json = Json(i);
      EXPECT_EQ(json.find(R"("api_key":"CANARY")"), std::string::npos) << shape.target;
      EXPECT_EQ(json.find(R"("writeKey":"CANARY")"), std::string::npos) << shape.target << json;
    }
  }
}

TEST_F(HostileTest, ManySmallEventsAreTooMany) {
  std::string body = R"({"events":[)";
  for (std::size_t i = 0; i < 2 * kMaxEventsInRequest; ++i) body += "1,";
  body.back() = ']';
  EXPECT_EQ(
      Send(TestRequest("POST /web_db/views", {{"Authorization", "TD1 k"}}, body + "}")).code(),
      StatusCode::kOutOfRange);
}

}  // namespace
}  // namespace carillon
