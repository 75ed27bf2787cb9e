#include "collector/dialects/otlp.h"

#include <otlp_logs.pb.h>

#include "collector/dialects/event_writer.h"
#include "tests/dialects/dialect_fixture.h"

namespace carillon {
namespace {

using OtlpTest = DialectTest;

TestRequest JsonLogs(std::string body) {
  return TestRequest("POST /v1/logs",
                     {{"Authorization", "Bearer k"}, {"Content-Type", "application/json"}},
                     std::move(body));
}
TestRequest Protobuf(std::string body) {
  return TestRequest("POST /v1/logs", {{"Content-Type", "application/x-protobuf"}},
                     std::move(body));
}
std::string OneRecord(std::string_view record) {
  return fmt::format(R"({{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{}]}}]}}]}})", record);
}

TEST_F(OtlpTest, TakesJson) {
  // As @opentelemetry/exporter-logs-otlp-http 0.223.1 writes it.
  const TestRequest request =
      JsonLogs(R"({"resourceLogs":[{"resource":{"attributes":[{"key":"service.name","value":)"
               R"({"stringValue":"shop"}},{"key":"process.pid","value":{"intValue":"42"}}],)"
               R"("droppedAttributesCount":0},"scopeLogs":[{"scope":{"name":"lib","version":"1"},)"
               R"("logRecords":[{"timeUnixNano":"1700000000123456789","observedTimeUnixNano":"1",)"
               R"("severityNumber":9,"severityText":"INFO","eventName":"e","body":{"kvlistValue":)"
               R"({"values":[{"key":"a","value":)"
               R"({"arrayValue":{"values":[{"intValue":9007199254740993},)"
               R"({"doubleValue":0.10},{"boolValue":true},{}]}}}]}},)"
               R"("attributes":[{"key":"log.record.uid",)"
               R"("value":{"stringValue":"u1"}}],"traceId":"00ff","spanId":"0a"},)"
               R"({"observedTimeUnixNano":"2000","body":{"stringValue":"hi \"you\""}}]}]}]})");
  ASSERT_TRUE(Send(request).ok());
  EXPECT_EQ(dialect_, "otlp");
  EXPECT_EQ(key_, "k");
  ASSERT_EQ(events_.size(), 2u);
  EXPECT_EQ(Stream(0), "shop");
  EXPECT_EQ(Id(0), "u1");
  EXPECT_EQ(Time(0), 1700000000123456);
  EXPECT_EQ(Json(0), R"({"body":{"a":[9007199254740993,0.10,true,null]},"severity":"INFO",)"
                     R"("severity_number":9,"event_name":"e","attributes":{"log.record.uid":"u1"},)"
                     R"("resource":{"service.name":"shop","process.pid":42},)"
                     R"("scope":{"name":"lib","version":"1"},"trace_id":"00ff","span_id":"0a"})");
  EXPECT_EQ(Time(1), 2);
  EXPECT_TRUE(Json(1).starts_with(R"({"body":"hi \"you\"","resource":)"));
  EXPECT_EQ(Answer(request).body, R"({"partialSuccess":{}})");
}

TEST_F(OtlpTest, TakesProtobuf) {
  otlp::ExportLogsServiceRequest message;
  auto* resource_logs = message.add_resource_logs();
  auto* name = resource_logs->mutable_resource()->add_attributes();
  name->set_key("service.name");
  name->mutable_value()->set_string_value("shop");
  auto* scope_logs = resource_logs->add_scope_logs();
  scope_logs->mutable_scope()->set_name("lib");
  auto* record = scope_logs->add_log_records();
  record->set_time_unix_nano(1700000000123456789);
  record->set_severity_number(17);
  record->set_trace_id(std::string("\x00\xff", 2));
  auto* pair = record->mutable_body()->mutable_kvlist_value()->add_values();
  pair->set_key("a\xff");
  pair->mutable_value()->mutable_array_value()->add_values()->set_int_value(-5);
  pair->mutable_value()->mutable_array_value()->add_values()->set_double_value(0.1);
  pair->mutable_value()->mutable_array_value()->add_values()->set_bytes_value("hello");
  pair->mutable_value()->mutable_array_value()->add_values();
  const TestRequest request = Protobuf(message.SerializeAsString());
  ASSERT_TRUE(Send(request).ok());
  EXPECT_EQ(Stream(0), "shop");
  EXPECT_EQ(Time(0), 1700000000123456);
  EXPECT_EQ(Json(0),
            "{\"body\":{\"a\xef\xbf\xbd\":[-5,0.1,\"aGVsbG8=\",null]},\"severity_number\":17,"
            "\"resource\":{\"service.name\":\"shop\"},\"scope\":{\"name\":\"lib\"},"
            "\"trace_id\":\"00ff\"}");
  EXPECT_EQ(Answer(request).body, "");
  EXPECT_EQ(Answer(request).content_type, "application/x-protobuf");
}

TEST_F(OtlpTest, SaysHowManyWereRejected) {
  std::string deep = R"({"stringValue":"x"})";
  for (int i = 0; i < 63; ++i) deep = R"({"arrayValue":{"values":[)" + deep + "]}}";
  const TestRequest request =
      JsonLogs(OneRecord(R"({"body":)" + deep + R"(},{"body":{"arrayValue":)" + R"({"values":[)" +
                         deep + R"(]}}},7)"));
  ASSERT_TRUE(Send(request).ok());
  ASSERT_EQ(events_.size(), 3u);
  EXPECT_EQ(events_.rejected(), 2u);
  EXPECT_EQ(Answer(request).body,
            R"({"partialSuccess":{"rejectedLogRecords":"2",)"
            R"("errorMessage":"logRecords[1]: nested deeper than 64 levels"}})");
}

TEST_F(OtlpTest, RefusesWhatIsNoExport) {
  const TestRequest request = JsonLogs("[]");
  EXPECT_EQ(Message(Send(request)), "body: no JSON object");
  EXPECT_EQ(Answer(request).body, R"({"code":3,"message":"body: no JSON object"})");
  EXPECT_EQ(Message(Send(JsonLogs(R"({"resourceLogs":1})"))), "resourceLogs: want an array");
  const TestRequest broken = Protobuf("\x0a\xff");
  EXPECT_FALSE(Send(broken).ok());
  EXPECT_EQ(Answer(broken).status, 400);
  EXPECT_TRUE(Answer(broken).body.starts_with("\x08\x03\x12"));
  EXPECT_TRUE(Send(JsonLogs("{}")).ok());
  EXPECT_TRUE(Send(Protobuf("")).ok());
  EXPECT_TRUE(events_.empty());
}

TEST_F(OtlpTest, ARepeatedResourceCannotFillTheMemory) {
  std::string body = R"({"resourceLogs":[{"resource":{"attributes":[{"key":"a","value":)"
                     R"({"stringValue":")" +
                     std::string(1 << 20, 'x') +
                     R"("}}]},"scopeLogs":[)"
                     R"({"logRecords":[)";
  for (int i = 0; i < 1000; ++i) body += "{},";
  body.back() = ']';
  EXPECT_EQ(Send(JsonLogs(body + "}]}]}")).code(), StatusCode::kOutOfRange);
  EXPECT_LE(events_.json_bytes(), kMaxBatchJsonBytes);
}

}  // namespace
}  // namespace carillon
